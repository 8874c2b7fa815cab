#!/bin/sh
# Starts @name@. A version that did not become ready twice in a row gives way to the one before it, which the upgrade kept; the
# program removes the count when it is ready. The next upgrade tries anew.
home=/usr/lib/@name@
# Asked by the package before it starts a new version: whether a gate lets this program start is known then.
if [ "${1:-}" = --version ]; then exec cat "$home/version"; fi
before=/usr/lib/@name@.before
state=${STATE_DIRECTORY:-/var/lib/@name@}
version=$(cat "$home/version")
count_file=$state/starts-of-$version
count=$(cat "$count_file" 2>/dev/null || echo 0)
case $count in *[!0-9]* | "") count=0 ;; esac
if [ "$count" -ge 2 ] && [ -x "$before/node" ]; then
  echo "@name@: version $version did not start twice; the version before it ($(cat "$before/version")) runs until the next upgrade" >&2
  home=$before
else
  # Kept before the first start of a version, because a newer one may change the format of the state.
  if [ "$count" -eq 0 ] && [ -x "$before/node" ] && [ ! -e "$state/before-$version" ] && [ -e "$state/@database@" ]; then
    rm -rf "$state"/before-*
    mkdir -p "$state/before-$version" && cp -p "$state/@database@"* "$state/before-$version/" || rm -rf "$state/before-$version"
  fi
  echo $((count + 1)) >"$count_file" 2>/dev/null || echo "@name@: $state cannot be written (disk full, read-only?): starts are not counted" >&2
fi
PROVOST_STARTS_FILE=$count_file
export PROVOST_STARTS_FILE
exec "$home/node" @flags@ "$home/app/main.js" "$@"
