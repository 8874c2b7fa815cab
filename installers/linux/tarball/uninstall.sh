#!/bin/sh
# Removes what install.sh installed: ./uninstall.sh [--purge]. With --purge also what it collected and how it was configured.
set -eu
# @common@
[ "$(id -u)" -eq 0 ] || { say "this needs root: sudo $0"; exit 1; }
list=/usr/lib/@name@/installed
[ -f "$list" ] || { say "@name@ was not installed with install.sh (there is no $list): use dpkg or rpm"; exit 1; }
case @name@ in
  provost) ask_owner_code; stop_unit provost-agent.service provost; stop_sensor ;;
  *) stop_unit provost-server.service provost-server ;;
esac
while read -r file; do
  case $file in /etc/*) [ "${1:-}" = --purge ] || continue ;; esac
  rm -f "$file"
done <"$list"
rm -f "$list"
sed 's|/[^/]*$||' <<LIST | sort -ru | while read -r folder; do rmdir -p "$folder" 2>/dev/null || true; done
/usr/share/doc/@name@/x
/usr/share/fish/vendor_completions.d/x
/usr/share/zsh/vendor-completions/x
LIST
rm -rf /usr/lib/@name@ /usr/lib/@name@.before
if [ "${1:-}" = --purge ]; then case @name@ in provost) purge_agent ;; *) purge_server ;; esac; fi
reload_units
