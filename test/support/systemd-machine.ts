import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { makeDebianRoot } from "./debian-root.ts";

/** What a machine does between its start and its end. */
export interface SystemdRun {
  /** Where the machine's image is made; it is gone afterwards. */
  readonly folder: string;
  /** Run as a service once everything else is up. */
  readonly script: string;
  /** Copied into /test of the machine, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Variables of the script. */
  readonly environment?: Readonly<Record<string, string>>;
  /** System calls that systemd-nspawn keeps from what it starts unless they are named: a sensor's. */
  readonly calls?: readonly string[];
  /** Milliseconds after which it is switched off. */
  readonly within: number;
}

const roomKilobytes = 4 * 1024 * 1024;

/** Why no machine with systemd can be started here; undefined where it can. */
export function cannotStartSystemd(folder: string): string | undefined {
  if (!existsSync("/usr/bin/systemd-nspawn")) return "systemd-nspawn is missing: apt-get install -y systemd-container";
  const { bavail, bsize } = statfsSync(folder);
  return (bavail * bsize) / 1024 > roomKilobytes ? undefined : `${folder} has less than 4 GiB free`;
}

/**
 * A Debian 12 with systemd as its first process, in an image and namespaces of its own and without a network, runs one script. Returns
 * what it printed; fails where it did not come to its end in time.
 */
export async function runUnderSystemd(run: SystemdRun): Promise<string> {
  const place = join(run.folder, "machine");
  mkdirSync(place);
  execFileSync("mount", ["-o", "loop", await makeImage(run), place]);
  try {
    await boot(place, run);
    return readFileSync(join(place, "test/out"), "utf8");
  } finally {
    execFileSync("umount", [place]);
  }
}

async function makeImage({ folder, script, files, environment = {} }: SystemdRun): Promise<string> {
  const root = join(folder, "root");
  await makeDebianRoot(root, ["systemd", "systemd-sysv", "dbus", "curl"]);
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
  writeFileSync(join(root, "etc/hostname"), "device\n");
  for (const [name, from] of Object.entries({ ...files, script })) {
    const to = join(root, "test", name);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to);
  }
  chmodSync(join(root, "test/script"), 0o755);
  const units = join(root, "etc/systemd/system");
  const variables = Object.entries({ HOME: "/root", LC_ALL: "C.UTF-8", ...environment });
  writeFileSync(
    join(units, "provost-test.service"),
    unit(variables.map(([name, value]) => `"${name}=${value}"`).join(" ")),
  );
  mkdirSync(join(units, "multi-user.target.wants"), { recursive: true });
  symlinkSync("../provost-test.service", join(units, "multi-user.target.wants/provost-test.service"));
  const image = join(folder, "disk.ext4");
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-d", root, image, "2500M"], { stdio: ["ignore", "ignore", "pipe"] });
  rmSync(root, { recursive: true, force: true });
  return image;
}

const unit = (environment: string): string => `[Unit]
Description=what is tried on this machine
After=multi-user.target

[Service]
Type=exec
Environment=${environment}
StandardOutput=file:/test/out
StandardError=file:/test/errors
ExecStart=/test/script
ExecStopPost=systemctl poweroff --no-block
`;

function boot(place: string, { within, calls = [] }: SystemdRun): Promise<void> {
  const words = ["--register=no", "--keep-unit", "--quiet", "--boot", "--private-network", "--capability=all"];
  const more = [...(calls.length === 0 ? [] : [`--system-call-filter=${calls.join(" ")}`]), `--directory=${place}`];
  const machine = spawn("systemd-nspawn", [...words, ...more], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [machine.stdout, machine.stderr])
    stream.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      // Its first process by itself: it would outlive systemd-nspawn, and everything in it.
      for (const first of childrenOf(machine.pid)) process.kill(first, "SIGKILL");
      machine.kill("SIGKILL");
    }, within);
    machine.on("error", reject);
    machine.on("close", (code, signal) => {
      clearTimeout(late);
      if (code === 0) return resolve();
      reject(new Error(`the machine ended with ${signal ?? code}: ${said}`));
    });
  });
}

function childrenOf(pid: number | undefined): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid ?? 0}/task/${pid ?? 0}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return [];
  }
}
