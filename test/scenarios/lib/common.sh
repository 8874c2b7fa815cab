# What the scenarios share. Sourced inside the lab's root.
files=/lab/files
mkdir -p /srv /root/app

stub() {
  node $files/lib/stub.js &
  while [ ! -e /srv/ready ]; do sleep 0.1; done
}

# pack FOLDER TARBALL: as npm would.
pack() { tar czf "$2" -C "$1" --transform 's,^\.,package,' .; }

# install TARBALL: into a fresh project.
install() {
  rm -rf /root/app && mkdir -p /root/app && cd /root/app && echo '{"name":"app","version":"1.0.0"}' >package.json
  npm install --offline --no-audit --no-fund "$1" >/srv/npm.log 2>&1
  echo "npm ended with $?"
}
