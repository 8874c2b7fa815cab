#!/bin/bash
# The whole life of both packages on a machine with systemd, which starts this as a service (systemd.test.ts). It prints lines of
# "NAME VALUE".
tell() { echo "$1 $2"; }
seconds() { cut -d' ' -f1 /proc/uptime; }
one_line() { tr '\n' ' ' | cut -c1-700; }
unit() { systemctl show -p "$2" --value "$1"; }
# What the agent runs from: the older version has a folder of its own.
runs_from() { readlink "/proc/$(unit provost-agent MainPID)/exe"; }
within() { # seconds, what; then a command that succeeds in the end
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do [ $SECONDS -ge $end ] && return 1; sleep 0.3; done
}
# Without what dpkg, user management, systemd and the journal keep for themselves.
files() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log -o -path /var/cache \
    -o -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /test \) -prune -o -print | grep -Ev '^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|\.lock$|^/etc/\.updated$|^/var/\.updated$' | sort
}

post() { curl -sk -b /tmp/jar -X POST -H "x-csrf: $csrf" -H 'content-type: application/json' -d '{}' "$origin$1"; }
# One value of what a JSON text says.
json() { /usr/lib/provost-server/node -e "const it = JSON.parse(require('fs').readFileSync(0, 'utf8')); process.stdout.write(String($1))"; }
new_token() { post /api/v1/enrolment-tokens | json it.token; }
devices() { curl -sk -b /tmp/jar "$origin/api/v1/devices" | json it.rows.length; }

# Who shows a token, looked at again and again while the agent starts and enrols.
looks='until [ -e /tmp/looked ]; do echo look; grep -lsE "pvt1\.[A-Za-z0-9]" /proc/[0-9]*/cmdline /proc/[0-9]*/environ; sleep 0.02; done'

by_credential() { # a name, a line of the unit
  known=$(devices); more() { [ "$(devices)" -gt "$known" ]; }
  install -d -m 700 -o provost -g provost /var/lib/provost
  mkdir -p /run/systemd/system/provost-agent.service.d
  (umask 077; printf '[Service]\n%s\n' "$2" >/run/systemd/system/provost-agent.service.d/token.conf)
  systemctl daemon-reload
  rm -f /tmp/looked; bash -c "$looks" >/tmp/looks & looking=$!
  systemctl start provost-agent; within 60 more; tell "$1-enrolled" "$? $(unit provost-agent ActiveState)"
  : >/tmp/looked; wait $looking
  tell "$1-looks" "$(grep -c '^look$' /tmp/looks)"; tell "$1-shown" "$(grep -v '^look$' /tmp/looks | one_line)"
  # The token was used, and the credential is still there.
  systemctl restart provost-agent; sleep 3
  tell "$1-again" "$(unit provost-agent ActiveState) $(($(devices) - known)) $(journalctl -u provost-agent --no-pager -o cat -n 5 | grep -c ENROL_REFUSED)"
  rm -r /run/systemd/system/provost-agent.service.d; systemctl daemon-reload
}

run() {
  tell systemd "$(systemctl --version | head -n 1)"
  files >/tmp/before
  cp /etc/passwd /tmp/passwd

  dpkg -i /test/server.deb >/tmp/said 2>&1; tell server-install "$? $(one_line </tmp/said)"
  printf 'tls = own\nhost = ::\nnames = localhost\npackages = /test/packages\nregistries = off\ntrust-roots = off\n' >/etc/provost/server.conf
  systemctl restart provost-server; tell server-started "$? $(unit provost-server ActiveState)"
  link=$(provost-server sign-in); origin=${link%%/sign-in*}
  curl -sk -b /tmp/jar -c /tmp/jar -o /dev/null "$link"
  csrf=$(curl -sk -b /tmp/jar "$origin/api/v1/session" | sed 's/.*"csrf":"\([^"]*\)".*/\1/')
  line=$(curl -sk -b /tmp/jar -X POST -H "x-csrf: $csrf" -H 'content-type: application/json' -d '{}' "$origin/api/v1/enrolment-tokens" |
    /usr/lib/provost-server/node -e 'process.stdout.write(JSON.parse(require("fs").readFileSync(0,"utf8")).command)')
  on_screen() { curl -sk -b /tmp/jar "$origin/api/v1/devices" | grep -q '"rows":\[{'; }
  started=$(seconds)
  sh -c "$line" >/tmp/said 2>&1; tell pasted "$? $(one_line </tmp/said)"
  within 60 on_screen; tell on-screen "$? $(awk "BEGIN { print $(seconds) - $started }")"
  sh -c "$line" >/tmp/said 2>&1; tell pasted-again "$? $(one_line </tmp/said)"
  tell agent "$(unit provost-agent ActiveState) $(unit provost-agent StatusText)"
  tell sensor "$(unit provost-sensor ActiveState)"
  tell gate "$(provost doctor 2>&1 | head -n 3 | one_line)"
  tell agent-watchdog "$(unit provost-agent WatchdogUSec)"
  for name in provost-agent provost-server provost-sensor; do
    tell "security-$name" "$(systemd-analyze security --no-pager $name.service 2>/dev/null | sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')"
  done

  # The token of the pasted line is used up; here it comes from a machine that nobody knows.
  token=$(echo "$line" | grep -o 'pvt1\.[A-Za-z0-9._-]*' | head -n 1)
  systemctl stop provost-agent; mv /var/lib/provost /var/lib/provost.kept; install -d -m 700 -o provost -g provost /var/lib/provost
  echo "$token" | provost enrol --server wss://localhost:4680/agent --token-file - >/tmp/said 2>&1; tell used-token "$? $(one_line </tmp/said)"
  tell used-token-left "$(find /var/lib/provost -type f | one_line)"
  systemctl stop provost-agent; rm -r /var/lib/provost; mv /var/lib/provost.kept /var/lib/provost; systemctl start provost-agent

  # The token as a credential of systemd's, to a machine that nobody knows.
  cp -p /etc/provost/agent.conf /tmp/agent.conf; echo 'server = wss://localhost:4680/agent' >/etc/provost/agent.conf
  systemctl stop provost-agent; mv /var/lib/provost /var/lib/provost.kept
  new_token >/root/token; chmod 600 /root/token
  by_credential load LoadCredential=token:/root/token
  systemctl stop provost-agent; rm -r /var/lib/provost
  by_credential set "SetCredential=token:$(new_token)"
  systemctl stop provost-agent; rm -r /var/lib/provost /root/token; mv /var/lib/provost.kept /var/lib/provost
  cat /tmp/agent.conf >/etc/provost/agent.conf; systemctl start provost-agent

  # A second package over the first: sensor and agent are new processes and serve again.
  sensor_before=$(unit provost-sensor MainPID)
  dpkg -i /test/next.deb >/tmp/said 2>&1; tell upgrade "$? $(one_line </tmp/said)"
  tell upgraded "$(provost --version) $(unit provost-agent ActiveState) $(unit provost-sensor ActiveState)"
  [ "$sensor_before" != "$(unit provost-sensor MainPID)" ]; tell sensor-replaced $?
  dpkg -i /test/old.deb >/tmp/said 2>&1; tell refused-back "$? $(one_line </tmp/said)"
  PROVOST_DOWNGRADE=yes dpkg -i /test/old.deb >/tmp/said 2>&1; tell back "$? $(provost --version) $(unit provost-agent ActiveState)"

  # A version that does not start.
  dpkg -i /test/next.deb >/tmp/said 2>&1
  echo 'process.exit(1);' >/usr/lib/provost/app/main.js
  systemctl restart provost-agent >/dev/null 2>&1
  older() { [ "$(unit provost-agent ActiveState)" = active ] && runs_from | grep -q provost.before; }
  within 60 older; tell rolled-back "$? $(runs_from)"
  tell rolled-back-says "$(journalctl -u provost-agent --no-pager -o cat | grep 'did not start twice' | tail -n 1)"
  dpkg -i /test/next.deb >/tmp/said 2>&1; tell repaired "$? $(runs_from)"

  # A daemon that hangs is started anew. The unit's own time is minutes; here it is seconds.
  mkdir -p /run/systemd/system/provost-agent.service.d
  printf '[Service]\nWatchdogSec=6\n' >/run/systemd/system/provost-agent.service.d/quick.conf
  systemctl daemon-reload; systemctl restart provost-agent
  sleep 15
  tell beats "$(unit provost-agent NRestarts)"
  hung=$(unit provost-agent MainPID); kill -STOP "$hung"
  anew() { [ "$(unit provost-agent MainPID)" != "$hung" ] && [ "$(unit provost-agent ActiveState)" = active ]; }
  within 40 anew; tell watchdog "$? $(unit provost-agent NRestarts)"
  rm -r /run/systemd/system/provost-agent.service.d; systemctl daemon-reload

  # The owner protects it: it goes with the code only.
  hash=$(PROVOST_STOP_CODE='the owner knows this' provost stop --make-hash)
  echo "stop-hash = $hash" >>/etc/provost/agent.conf
  systemctl restart provost-agent
  asked() { [ -S /run/provost-agent/owner.sock ]; }
  within 20 asked; tell control $?
  dpkg --purge provost >/tmp/said 2>&1; tell purge-without "$? $(one_line </tmp/said)"
  PROVOST_STOP_CODE='not the code at all' dpkg --purge provost >/tmp/said 2>&1; tell purge-wrong "$? $(one_line </tmp/said)"
  tell still "$(unit provost-agent ActiveState) $(unit provost-sensor ActiveState)"
  # The server is gone for good: the code is enough.
  dpkg --purge provost-server >/tmp/said 2>&1; tell purge-server "$? $(one_line </tmp/said)"
  PROVOST_STOP_CODE='the owner knows this' dpkg --purge provost >/tmp/said 2>&1; tell purge "$? $(one_line </tmp/said)"
  files >/tmp/after
  tell left "$(diff /tmp/before /tmp/after | one_line)"
  tell users "$(diff /tmp/passwd /etc/passwd | one_line)"
  tell units "$(systemctl list-units --all --no-legend --plain 'provost*' | grep -v provost-test | one_line)"
  tell failed "$(systemctl list-units --failed --no-legend --plain | one_line)"
}

run
