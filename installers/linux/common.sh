# What every way of installing does alike. POSIX sh; each function says what it could not do.
say() { echo "provost: $*" >&2; }

has_systemd() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; }

# useradd writes the group and the user one after the other: whoever was ended in between left one of them.
ensure_user() { # name home
  set -- "$1" "$2" --system --home-dir "$2" --no-create-home --shell /usr/sbin/nologin
  if getent passwd "$1" >/dev/null 2>&1; then
    getent group "$1" >/dev/null 2>&1 || groupadd --system --gid "$(id -g "$1")" "$1" || return 1
    return 0
  fi
  new_user=$1
  shift 2
  if getent group "$new_user" >/dev/null 2>&1; then set -- "$@" --gid "$new_user"; else set -- "$@" --user-group; fi
  useradd "$@" "$new_user" && return 0
  say "the user $new_user could not be made with useradd: make it, then configure the package again"
  return 1
}

drop_user() { # name
  if getent passwd "$1" >/dev/null 2>&1; then userdel "$1" 2>/dev/null || say "the user $1 could not be removed with userdel"; fi
  if getent group "$1" >/dev/null 2>&1; then groupdel "$1" 2>/dev/null || true; fi
}

# An image-based system says so before anything is half unpacked.
writable_usr() { # name
  [ -w /usr ] && return 0
  say "/usr is read-only on this system, so $1 is not installed. Install the package into the image, or remount /usr and run this again."
  return 1
}

# dpkg asks for no room, and stops where it happens to end.
enough_room() { # name kilobytes
  free=$(df -Pk /usr | awk 'NR == 2 { print $4 }')
  [ "$free" -gt $(($2 + 10240)) ] && return 0
  say "/usr has $free KiB free and $1 needs $2: free some space and run this again; nothing was changed"
  return 1
}

# Nothing is started from files that are not the ones the package carries.
check_files() { # name
  (cd / && sha256sum --quiet -c "/usr/lib/$1/checksums" >&2) && return 0
  say "files of $1 differ from what the package carries, so nothing is started. Install it again from a package that provost verify accepts."
  return 1
}

# The version that runs now stays beside the new one until the next upgrade: start.sh goes back to it where the new one fails.
keep_version() { # name
  [ -x "/usr/lib/$1/node" ] || return 0
  rm -rf "/usr/lib/$1.before"
  if ! cp -al "/usr/lib/$1" "/usr/lib/$1.before" 2>/dev/null; then
    rm -rf "/usr/lib/$1.before"
    say "the version of $1 that runs now could not be kept: there is no way back by itself after this upgrade"
  fi
}

# An older version may not read the state that a newer one wrote: only whoever asks for it gets it.
refuse_downgrade() { # name version-that-is-there
  [ "${PROVOST_DOWNGRADE:-}" = yes ] && return 0
  [ "$(printf '%s\n' "$2" "@version@" | sort -V | tail -n 1)" = "@version@" ] && return 0
  say "$1 $2 is installed and this is @version@: an older version may not read what the newer one wrote. To do it all the same, set PROVOST_DOWNGRADE=yes."
  exit 1
}

own_folder() { # user folder
  mkdir -p "$2" && chmod 0700 "$2" && chown "$1:$1" "$2"
}

reload_units() { if has_systemd; then systemctl daemon-reload || true; fi; }

start_unit() { # unit
  has_systemd || return 0
  systemctl enable --quiet "$1" || true
  systemctl restart "$1" || say "$1 did not start; 'systemctl status $1' says why"
}

gate_holds() { provost doctor 2>/dev/null | grep -Eq '^Tier [^P], mode (hold|block|quarantine)$'; }

# Until the new agent answers, only what ran before starts: the scripts of the packages that come next would be refused.
wait_for_gate() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    gate_holds && return 0
    sleep 1
  done
  say "the gate does not answer yet; 'provost doctor' says why"
}

# The sensor goes on where it can. A new one takes over without a gap what the kernel enforces by itself (pins); where the sensor alone
# holds programs, ending it would open the gate for a moment, so there the old one goes on.
replace_sensor() {
  has_systemd || return 0
  running=$(systemctl show -p MainPID --value provost-sensor.service 2>/dev/null)
  if [ "${running:-0}" -gt 0 ]; then
    if cmp -s "/proc/$running/exe" /usr/lib/provost/provost-sensor; then return 0; fi
    if ! ls /sys/fs/bpf/provost/link-* >/dev/null 2>&1 && gate_holds; then
      say "the sensor that runs goes on, because on this kernel the gate would be open while it is replaced. The new one starts with this machine, or now with: systemctl restart provost-sensor"
      return 0
    fi
  fi
  start_unit provost-sensor.service
}

# A gate that refuses the new programs would let nobody start them again: they are judged while the old ones still answer.
judge_new() {
  has_systemd && systemctl --quiet is-active provost-agent.service || return 0
  for program in provost-sensor node start; do
    /usr/lib/provost/$program --version >/dev/null && continue
    say "/usr/lib/provost/$program of this version is refused on this device ('provost why' says why), so the version that runs goes on. Next: provost approve its digest, then dpkg --configure -a, or install the older package again"
    return 1
  done
}

stop_unit() { # unit name
  if has_systemd; then systemctl disable --quiet --now "$1" 2>/dev/null || true; fi
  # Started by another init, or by hand: what runs from the folder that goes now. Never in a container that has the same path.
  for process in /proc/[0-9]*; do
    case $(readlink "$process/exe" 2>/dev/null) in
      "/usr/lib/$2/"* | "/usr/lib/$2.before/"*) [ "$process/root" -ef / ] && kill "${process#/proc/}" 2>/dev/null && stopping=yes ;;
    esac
  done
  if [ "${stopping:-}" = yes ]; then sleep 2; fi
}

configure_agent() {
  ensure_user provost /var/lib/provost || return 1
  check_files provost || return 1
  own_folder provost /var/lib/provost
  chown root:provost /etc/provost /etc/provost/agent.conf
  chmod 0750 /etc/provost
  reload_units
  judge_new || return 1
  if has_systemd && gate_holds; then held=yes; fi
  replace_sensor
  if grep -q '^[[:space:]]*server[[:space:]]*=' /etc/provost/agent.conf; then
    start_unit provost-agent.service
    if [ "${held:-}" = yes ]; then wait_for_gate; fi
  else
    say "installed. Next: take the line that the console shows under Add device, or 'provost enrol --help'."
  fi
  has_systemd || say "there is no systemd here: start /usr/lib/provost/provost-sensor and /usr/lib/provost/start as your init does"
}

configure_server() {
  ensure_user provost-server /var/lib/provost-server || return 1
  check_files provost-server || return 1
  own_folder provost-server /var/lib/provost-server
  chown root:provost-server /etc/provost/server.conf
  reload_units
  start_unit provost-server.service
  if has_systemd; then say "the server runs. Sign in with the link that 'provost-server sign-in' prints."
  else say "there is no systemd here: start /usr/lib/provost-server/start as your init does"; fi
}

# Where the owner protected the agent with a code, removing it needs that code.
ask_owner_code() {
  grep -q '^[[:space:]]*stop-hash[[:space:]]*=' /etc/provost/agent.conf 2>/dev/null || return 0
  /usr/bin/provost stop && return 0
  say "this agent is protected: removing it needs the owner's code in PROVOST_STOP_CODE"
  return 1
}

stop_sensor() {
  stop_unit provost-sensor.service provost
  # What the kernel went on enforcing ends with the package.
  rm -rf /sys/fs/bpf/provost 2>/dev/null || true
}

purge_agent() {
  rm -rf /var/lib/provost /var/lib/provost-sensor /run/provost-agent /run/provost-sensor
  # rpm keeps what was changed under another name.
  rm -f /etc/provost/agent.conf /etc/provost/agent.conf.rpmsave /etc/provost/agent.conf.rpmnew /etc/provost/token
  rmdir /etc/provost 2>/dev/null || true
  drop_user provost
}

purge_server() {
  rm -rf /var/lib/provost-server
  rm -f /etc/provost/server.conf /etc/provost/server.conf.rpmsave /etc/provost/server.conf.rpmnew
  rmdir /etc/provost 2>/dev/null || true
  drop_user provost-server
}
