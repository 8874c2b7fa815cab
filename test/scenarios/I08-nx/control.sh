. /lab/files/lib/common.sh
mkdir /srv/package
echo '{"name":"nx-sim","version":"21.4.9"}' >/srv/package/package.json
pack /srv/package /srv/package.tgz
install /srv/package.tgz
