. /lab/files/lib/common.sh
# As node-gyp does: a hook that links a small program and runs it.
mkdir /srv/package
echo '{"name":"native-sim","version":"1.0.0","scripts":{"install":"sh build.sh"}}' >/srv/package/package.json
cat >/srv/package/build.sh <<'E'
as -o conftest.o conftest.s && ld -o conftest conftest.o && ./conftest && echo built
E
printf '.globl _start\n_start:\n  mov $60, %%eax\n  xor %%edi, %%edi\n  syscall\n' >/srv/package/conftest.s
pack /srv/package /srv/package.tgz
install /srv/package.tgz
cat /srv/npm.log
