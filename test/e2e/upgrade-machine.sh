#!/bin/bash
# A machine whose every program is under the gate, in mode block, while the agent's package is upgraded and set back (upgrade.test.ts).
# /usr and the package database lie on file systems of their own, so that the sensor can be told to mark these and nothing else, and
# only what systemd runs as services here is ever refused. It prints lines of "NAME VALUE".
tell() { echo "$1 $2"; }
one_line() { tr '\n' ' ' | tail -c 1200; }
unit() { systemctl show -p "$2" --value "$1"; }
within() { # seconds, what; then a command that succeeds in the end. No program is started for the pause: the gate may refuse it.
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do [ $SECONDS -ge $end ] && return 1; read -t 0.3 <> <(:); done
  return 0
}
own_fs() {
  mkdir -p /run/own; mount -t tmpfs -o size=1500m,mode=755 tmpfs /run/own; cp -a "$1/." /run/own/
  mount --bind /run/own "$1"; umount -l /run/own
}
cgroup() { # where version 2 is mounted
  awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") print $5 }' /proc/self/mountinfo | head -n 1
}

# Starts what nothing vouches for and what a package's record names, again and again, until it is told to stop.
loop='tried=0 ran=0 fresh=0 refused=0
while [ ! -e /run/out/stop ]; do
  tried=$((tried + 1)); new=/usr/local/bin/new$((tried % 50))
  /usr/local/bin/unverified >/dev/null 2>&1 && ran=$((ran + 1))
  { cat /usr/local/bin/unverified; echo $tried; } >$new; chmod 755 $new; $new >/dev/null 2>&1 && fresh=$((fresh + 1))
  /usr/bin/true || refused=$((refused + 1))
  echo $tried >/run/out/tried
  /usr/bin/sleep 0.04 || refused=$((refused + 1))
done
echo "$ran $fresh $refused" >/run/out/end'

gated() { provost doctor | tr '\n' ' ' | grep -Eq "Tier $1, mode $2 .*Sensor +connected"; }

try_tier() { # B or C
  mkdir -p /run/out /etc/provost /etc/systemd/system/provost-sensor.service.d; rm -f /run/out/*
  # The unit's own line, and the flags that keep it to this machine's own file systems and services.
  dpkg-deb --fsys-tarfile /test/old.deb | tar -xO ./usr/lib/systemd/system/provost-sensor.service |
    sed -n "s,^ExecStart=.*,[Service]\nExecStart=\n& --tier $1 --scope /usr --scope /var/lib/dpkg --scope-cgroup $(cgroup)/system.slice,p" >/etc/systemd/system/provost-sensor.service.d/scope.conf
  dpkg -i /test/old.deb >/tmp/said 2>&1; tell "$1-install" $?
  printf 'server = wss://localhost:4680/agent\nmode = block\n' >/etc/provost/agent.conf
  systemctl restart provost-agent
  provost doctor | one_line >/tmp/first; tell "$1-first" "$(cat /tmp/first)"
  within 60 gated "$1" block; tell "$1-gated" "$? $(provost doctor | one_line)"
  /usr/local/bin/unverified; tell "$1-refused" $?
  systemd-run --quiet --unit="tries-$1" /bin/sh -c "$loop"; tell "$1-loop" $?
  within 20 grep -q '[0-9][0-9]' /run/out/tried
  sensor=$(unit provost-sensor MainPID); agent=$(unit provost-agent MainPID); tried=$(cat /run/out/tried)
  dpkg -i /test/next.deb >/tmp/said 2>&1; tell "$1-upgrade" "$? $(one_line </tmp/said)"
  within 30 gated "$1" block; tell "$1-upgraded" "$? $(provost --version) $(unit provost-agent ActiveState) $(unit provost-sensor ActiveState)"
  [ "$agent" != "$(unit provost-agent MainPID)" ]; tell "$1-agent-replaced" $?
  [ "$sensor" != "$(unit provost-sensor MainPID)" ]; tell "$1-sensor-replaced" $?
  tell "$1-tried-meanwhile" $(($(cat /run/out/tried) - tried))
  sensor=$(unit provost-sensor MainPID)
  dpkg -i /test/next.deb >/tmp/said 2>&1; tell "$1-same-again" "$? $(one_line </tmp/said)"
  [ "$sensor" = "$(unit provost-sensor MainPID)" ]; tell "$1-sensor-goes-on" $?
  PROVOST_DOWNGRADE=yes dpkg -i /test/old.deb >/tmp/said 2>&1
  within 30 gated "$1" block; tell "$1-back" "$? $(provost --version) $(unit provost-agent ActiveState) $(one_line </tmp/said)"
  /usr/local/bin/unverified; tell "$1-still-refused" $?
  : >/run/out/stop; within 20 test -e /run/out/end; tell "$1-ran-fresh-refused" "$(cat /run/out/end)"
  provost stop >/tmp/said 2>&1; tell "$1-stopped" "$? $(one_line </tmp/said)"
  open() { /usr/local/bin/unverified; }
  within 10 open; tell "$1-open" $?
  dpkg --purge provost >/tmp/said 2>&1; tell "$1-purge" "$? $(one_line </tmp/said)"
}

# Nothing of whoever started this machine may be in sight of a sensor.
for _ in 1 2; do umount -l /run/host/os-release /run/host/incoming 2>/dev/null; done
if grep -q ' /run/host/.* - ext4' /proc/self/mountinfo; then tell unsafe "a file system of the host is mounted here"; exit 1; fi
mount -o remount,rw /sys; mkdir -p /sys/fs/bpf; mount -t bpf bpf /sys/fs/bpf; tell bpffs $?
own_fs /usr; own_fs /var/lib/dpkg
cp /usr/bin/true /usr/local/bin/unverified; echo other >>/usr/local/bin/unverified
for tier in $TIERS; do try_tier "$tier"; done
