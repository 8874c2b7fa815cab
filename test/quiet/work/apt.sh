set -e
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
# A package as they are: scripts for each moment of its life, a service, and enough files that replacing them is a mass of changes.
build() {
  version=$1
  rm -rf /root/deb && mkdir -p /root/deb/DEBIAN /root/deb/usr/bin /root/deb/usr/share/greeter /root/deb/lib/systemd/system && cd /root
  printf 'Package: greeter\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.invalid>\nDescription: greets\n' "$version" >deb/DEBIAN/control
  for script in preinst postinst prerm postrm; do
    printf '#!/bin/sh\nset -e\nmkdir -p /var/lib/greeter && echo "%s $1" >>/var/lib/greeter/state\n' "$script" >deb/DEBIAN/$script
  done
  printf '#!/bin/sh\necho hello %s\n' "$version" >deb/usr/bin/greeter
  for number in $(seq 40); do echo "word $number of $version" >deb/usr/share/greeter/word$number; done
  printf '[Service]\nExecStart=/usr/bin/greeter\n' >deb/lib/systemd/system/greeter.service
  chmod 755 deb/DEBIAN/*inst deb/DEBIAN/*rm deb/usr/bin/greeter
  dpkg-deb --root-owner-group -b deb greeter_$version.deb
}
put() { apt-get -o APT::Sandbox::User=root -o DPkg::Options::=--force-bad-path install -y --no-download ./greeter_$1.deb || dpkg --force-bad-path -i greeter_$1.deb; }
build 1.0
put 1.0
greeter
build 2.0
put 2.0
greeter
dpkg --force-bad-path -r greeter
# What an administrator keeps in a script of his own, which nothing claims.
printf '#!/bin/sh\nset -e\ncd /root\ndpkg --force-bad-path -i greeter_1.0.deb\ngreeter\ndpkg --force-bad-path -i greeter_2.0.deb\ndpkg --force-bad-path -P greeter\n' >/root/deploy.sh
chmod 755 /root/deploy.sh
/root/deploy.sh
