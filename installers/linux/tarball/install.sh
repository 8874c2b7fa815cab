#!/bin/sh
# Installs @name@ from this folder: ./install.sh. Nothing is changed before everything was checked.
set -eu
# @common@
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" -eq 0 ] || { say "this needs root: sudo $0"; exit 1; }
[ -w /usr ] || { say "/usr is read-only on this system: install the package into the image instead, or remount /usr"; exit 1; }
needed=$(du -sk "$here/root" | cut -f1)
free=$(df -Pk /usr | awk 'NR == 2 { print $4 }')
[ "$free" -gt $((needed + 10240)) ] || { say "/usr has $free KiB free and @name@ needs $needed: free some space and run this again"; exit 1; }
sed "s|  /|  $here/root/|" "$here/root/usr/lib/@name@/checksums" | sha256sum --quiet -c >&2 ||
  { say "files in this folder are not what was packed: unpack it again from an archive that provost verify accepts"; exit 1; }
[ -f /usr/lib/@name@/version ] && refuse_downgrade @name@ "$(cat /usr/lib/@name@/version)"
keep_version @name@
list=/usr/lib/@name@/installed
(cd "$here/root" && find . -type f | sed 's|^\.|| ') >"$here/.installed"
# Configuration that is there already stays.
for file in $(sed 's|^/||' "$here/.installed"); do
  case $file in etc/*) [ -e "/$file" ] && continue ;; esac
  mkdir -p "/$(dirname "$file")"
  cp -p "$here/root/$file" "/$file.provost-new" && mv -f "/$file.provost-new" "/$file" ||
    { rm -f "/$file.provost-new"; say "/$file could not be written; run ./uninstall.sh or, with space made, this again"; exit 1; }
done
mv -f "$here/.installed" "$list"
case @name@ in provost) configure_agent ;; *) configure_server ;; esac
