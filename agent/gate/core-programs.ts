import { existsSync, realpathSync } from "node:fs";

/**
 * What starts also when nobody can judge: without these a device neither boots, nor is it reached, nor is it repaired. A file of the
 * core is stopped only when evidence speaks against it.
 */
const core = [
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

const interpreters = [
  ["/bin/sh", "/bin/bash", "/bin/dash", "/usr/bin/zsh", "/usr/bin/ksh", "/usr/bin/fish", "/bin/busybox"],
  [
    "/usr/bin/python3",
    "/usr/bin/python",
    "/usr/bin/perl",
    "/usr/bin/ruby",
    "/usr/bin/node",
    "/usr/bin/php",
    "/usr/bin/lua",
  ],
  ["/usr/bin/awk", "/usr/bin/gawk", "/usr/bin/mawk", "/usr/bin/tclsh", "/usr/bin/expect"],
].flat();

/** Those that are here, by the file their links lead to, each once. `more`: the policy's own. */
export const corePrograms = (more: readonly string[], sensorProgram: string | undefined): readonly string[] =>
  present([...core, ...more, sensorProgram ?? ""]);

export const interpreterPrograms = (): readonly string[] => present(interpreters);

function present(paths: readonly string[]): readonly string[] {
  const found = paths.flatMap((path) => {
    try {
      return path !== "" && existsSync(path) ? [realpathSync(path)] : [];
    } catch {
      return [];
    }
  });
  return [...new Set(found)];
}
