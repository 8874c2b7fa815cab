set -e
mkdir -p /root/deb/DEBIAN /root/deb/usr/bin /root/deb/lib/systemd/system && cd /root
printf 'Package: greeter\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example.invalid>\nDescription: greets\n' >deb/DEBIAN/control
printf '#!/bin/sh\nset -e\nmkdir -p /var/lib/greeter && echo ready >/var/lib/greeter/state\n' >deb/DEBIAN/postinst
printf '#!/bin/sh\necho hello\n' >deb/usr/bin/greeter
printf '[Service]\nExecStart=/usr/bin/greeter\n' >deb/lib/systemd/system/greeter.service
chmod 755 deb/DEBIAN/postinst deb/usr/bin/greeter
dpkg-deb --root-owner-group -b deb greeter_1.0.deb
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
apt-get -o APT::Sandbox::User=root -o DPkg::Options::=--force-bad-path install -y --no-download ./greeter_1.0.deb ||
  dpkg --force-bad-path -i greeter_1.0.deb
greeter
dpkg --force-bad-path -r greeter
