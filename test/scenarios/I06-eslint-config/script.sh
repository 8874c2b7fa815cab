. /lab/files/lib/common.sh
mkdir /srv/package
cat >/srv/package/package.json <<'E'
{"name":"eslint-config-sim","version":"10.1.7","scripts":{"postinstall":"node install.js"}}
E
echo 'if (process.platform !== "win32") process.exit(0);' >/srv/package/install.js
echo 'MZ: a text, and no program' >/srv/package/node-gyp.dll
pack /srv/package /srv/package.tgz
install /srv/package.tgz
