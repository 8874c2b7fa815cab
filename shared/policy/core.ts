/**
 * What starts also when nobody can judge: without these a device neither boots, nor is it reached, nor is it repaired. A file of the
 * core is stopped only when evidence speaks against it.
 */
export const corePaths: readonly string[] = [
  ["/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd", "/sbin/runit", "/sbin/openrc"],
  ["/lib/systemd/systemd-executor", "/usr/lib/systemd/systemd-executor", "/lib/systemd/systemd-udevd", "/bin/udevadm"],
  [
    "/lib/systemd/systemd-journald",
    "/lib/systemd/systemd-logind",
    "/lib/systemd/systemd-networkd",
    "/lib/systemd/systemd-resolved",
  ],
  [
    "/bin/systemctl",
    "/usr/bin/systemctl",
    "/usr/bin/systemd-notify",
    "/usr/bin/dbus-daemon",
    "/usr/bin/dbus-broker",
    "/usr/bin/dbus-broker-launch",
  ],
  [
    "/bin/sh",
    "/bin/bash",
    "/bin/dash",
    "/usr/bin/bash",
    "/usr/bin/dash",
    "/bin/busybox",
    "/usr/bin/zsh",
    "/usr/bin/fish",
  ],
  [
    "/usr/bin/dpkg",
    "/usr/bin/dpkg-deb",
    "/usr/bin/apt",
    "/usr/bin/apt-get",
    "/usr/bin/rpm",
    "/usr/bin/dnf",
    "/sbin/apk",
  ],
  [
    "/usr/sbin/sshd",
    "/usr/lib/openssh/sshd-session",
    "/usr/libexec/openssh/sshd-session",
    "/usr/lib/openssh/sftp-server",
  ],
  ["/bin/login", "/sbin/agetty", "/usr/bin/su", "/usr/bin/sudo", "/usr/sbin/unix_chkpwd", "/sbin/unix_chkpwd"],
  ["/usr/sbin/NetworkManager", "/sbin/dhclient", "/sbin/ip", "/usr/bin/ip", "/sbin/ifup", "/usr/sbin/wpa_supplicant"],
  ["/bin/mount", "/bin/umount", "/sbin/fsck", "/sbin/reboot", "/sbin/shutdown", "/sbin/modprobe", "/bin/kmod"],
].flat();
