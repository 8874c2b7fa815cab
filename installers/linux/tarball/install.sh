#!/bin/sh
# Installs @name@ from this folder: ./install.sh. Nothing is changed before everything was checked.
set -eu
# @common@
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" -eq 0 ] || { say "this needs root: sudo $0"; exit 1; }
writable_usr @name@ || exit 1
enough_room @name@ "$(du -sk "$here/root" | cut -f1)" || exit 1
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
