. /lab/files/lib/common.sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
add() { dpkg --force-bad-path -i "$@" >/srv/dpkg.log 2>&1 || cat /srv/dpkg.log; }
serve() { simd & daemon=$!; sleep 3; }
say() { bash -c "printf '%s' '$1' >/dev/tcp/127.0.0.1/7000"; }
add $files/made/libsimz_1.0.deb $files/made/simd_1.0.deb
serve
say hello
add $files/made/libsimz_1.1.deb
kill $daemon
wait $daemon # two cannot listen at once
serve
say "${MARKER-!}"
sleep 8
kill -0 $daemon && echo "the service lives"
ps ax | grep -q '[s]leep 20' && echo "the shell lives"
kill $daemon
