set -e
mkdir -p /root/project && cd /root/project
cp -r /lab/files/project/. .
npm ci --offline --cache /lab/files/cache --no-audit --no-fund
node -e 'require("typescript")'
npm ls >/dev/null || true
