import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ended } from "../kernels/boot.ts";
import { makeDebianRoot } from "./debian-root.ts";

/** The system that a virtual machine is started from: systemd, and a script that it runs once everything else is up. */
export interface SystemdImage {
  readonly script: string;
  /** Copied into /test of the machine, by name. */
  readonly files: Readonly<Record<string, string>>;
}

/** An ext4 image with a Debian 12 that has systemd. The machine switches itself off after the script. */
export async function makeSystemdImage(folder: string, { script, files }: SystemdImage): Promise<string> {
  const root = join(folder, "root");
  await makeDebianRoot(root, ["systemd", "systemd-sysv", "dbus", "curl"]);
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
  writeFileSync(join(root, "etc/hostname"), "device\n");
  const given = join(root, "test");
  mkdirSync(given);
  cpSync(script, join(given, "script"));
  chmodSync(join(given, "script"), 0o755);
  for (const [name, from] of Object.entries(files)) {
    mkdirSync(join(given, name, ".."), { recursive: true });
    cpSync(from, join(given, name));
  }
  const units = join(root, "etc/systemd/system");
  writeFileSync(join(units, "provost-test.service"), unit);
  mkdirSync(join(units, "multi-user.target.wants"), { recursive: true });
  symlinkSync("../provost-test.service", join(units, "multi-user.target.wants/provost-test.service"));
  // It has no udev, which would say that there is a console.
  for (const console of ["serial-getty@ttyS0.service", "serial-getty@ttyS1.service"])
    symlinkSync("/dev/null", join(units, console));
  const image = join(folder, "disk.ext4");
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-d", root, image, "2500M"], { stdio: ["ignore", "ignore", "pipe"] });
  rmSync(root, { recursive: true, force: true });
  return image;
}

const unit = `[Unit]
Description=what is tried on this machine
After=multi-user.target

[Service]
Type=exec
Environment=HOME=/root LC_ALL=C.UTF-8
ExecStart=/test/script
ExecStopPost=/bin/sh -c 'echo "${ended}" > /dev/ttyS1; systemctl poweroff --force --force'
`;
