import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { debianKernel, type DebianKernel, type KernelVersion } from "./debian-kernel.ts";
import { initramfs, type Content } from "./initramfs.ts";

export interface Boot {
  readonly version: KernelVersion;
  /** What stands at which path of the machine, beside busybox, its links in /bin and the modules. */
  readonly files: Readonly<Record<string, Content>>;
  /**
   * Run by busybox's sh as the first process, with /proc, /sys, /dev, /tmp, bpffs, securityfs and cgroup v2 (/sys/fs/cgroup) mounted.
   * What it writes to its standard output comes back as lines; its errors go to the console.
   */
  readonly script: string;
  /** Kernel modules beyond the usual ones, by name. */
  readonly modules?: readonly string[];
  /** The security modules of the kernel, as lsm= names them; BPF among them unless said otherwise. */
  readonly securityModules?: string;
  /** Seconds after which the machine is switched off and the boot fails. */
  readonly within?: number;
}

export interface Booted {
  readonly lines: readonly string[];
  readonly seconds: number;
  /** The kernel's messages and the script's errors. */
  readonly console: string;
}

const driverModules = ["loop", "overlay", "ext4", "crc32c_generic", "crc32c-intel", "fuse", "binfmt_misc"];
const done = "--- the script has ended ---";

/** Boots one of Debian's kernels in a virtual machine of its own, BPF among its security modules, and runs a script as process 1. */
export async function bootKernel(boot: Boot): Promise<Booted> {
  const kernel = await debianKernel(boot.version);
  const work = mkdtempSync(join(tmpdir(), "provost-kernel-"));
  try {
    const files = { ...(await moduleFiles(kernel, [...driverModules, ...(boot.modules ?? [])])), ...boot.files };
    await writeFile(
      join(work, "initrd"),
      await initramfs({
        "/bin/busybox": { from: "/usr/bin/busybox" },
        "/init": { bytes: init },
        "/script": { bytes: boot.script },
        ...files,
      }),
    );
    return await runMachine(
      kernel,
      work,
      boot.securityModules ?? "landlock,lockdown,yama,integrity,bpf",
      boot.within ?? 600,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A program and the shared libraries it asks for, at the paths they have here. */
export async function programFiles(program: string, at: string): Promise<Record<string, Content>> {
  const files: Record<string, Content> = { [at]: { from: program } };
  const { stdout } = await promisify(execFile)("ldd", [program]).catch(() => ({ stdout: "" })); // a static one has none
  for (const [, library] of stdout.matchAll(/(\/[^\s]+) \(0x/g))
    if (library !== undefined) files[library] = { bytes: await readFile(library) };
  return files;
}

const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mkdir -p /proc /sys /dev /tmp /run /mnt
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs tmp /tmp
mount -t securityfs security /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tracefs tracing /sys/kernel/tracing
while read -r module; do insmod "/modules/$module" || echo "module $module did not load" >&2; done < /modules/order
stty -F /dev/ttyS1 raw -echo
sh /script > /dev/ttyS1
echo "${done}" > /dev/ttyS1
sync
poweroff -f
`;

/** The wanted modules and what they need, in the order of loading; unpacked here, so that the machine needs no tool for it. */
async function moduleFiles(kernel: DebianKernel, wanted: readonly string[]): Promise<Record<string, Content>> {
  const needs = new Map(
    readFileSync(await dependencies(kernel), "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .map(([path = "", list = ""]) => [path, list.split(" ").filter((need) => need !== "")] as const),
  );
  const order: string[] = [];
  const add = (path: string): void => {
    if (order.includes(path)) return;
    (needs.get(path) ?? []).forEach(add);
    order.push(path);
  };
  for (const name of wanted) {
    const path = [...needs.keys()].find((candidate) => basename(candidate).split(".ko")[0] === name);
    if (path !== undefined) add(path); // one that is missing is built in
  }
  const files: Record<string, Content> = {
    "/modules/order": { bytes: order.map((path) => `${basename(path, ".xz")}\n`).join("") },
  };
  for (const path of order) {
    const from = join(kernel.modules, path);
    files[`/modules/${basename(path, ".xz")}`] = from.endsWith(".xz") ? { bytes: await unpacked(from) } : { from };
  }
  return files;
}

/** The package leaves modules.dep to its installation: depmod makes it here. */
async function dependencies(kernel: DebianKernel): Promise<string> {
  const list = join(kernel.modules, "modules.dep");
  if (existsSync(list)) return list;
  const root = kernel.modules.slice(0, kernel.modules.lastIndexOf("/lib/modules/"));
  await promisify(execFile)("/usr/sbin/depmod", ["-b", root, kernel.release]);
  return list;
}

async function unpacked(from: string): Promise<Buffer> {
  const { stdout } = await promisify(execFile)("xz", ["-dc", from], {
    encoding: "buffer",
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

async function runMachine(kernel: DebianKernel, work: string, modules: string, within: number): Promise<Booted> {
  const started = performance.now();
  const consoleFile = join(work, "console");
  const machine = spawn(
    "qemu-system-x86_64",
    [
      ["-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,cx16=off", "-smp", "2", "-m", "1500"],
      ["-kernel", kernel.image, "-initrd", join(work, "initrd")],
      ["-append", `console=ttyS0 quiet lsm=${modules} panic=-1 rdinit=/init`],
      ["-display", "none", "-serial", `file:${consoleFile}`, "-serial", "stdio", "-no-reboot", "-nic", "none"],
    ].flat(),
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const lines: string[] = [];
  const errors: Buffer[] = [];
  createInterface({ input: machine.stdout }).on("line", (line) => lines.push(line.replace(/\r$/, "")));
  machine.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const watchdog = setTimeout(() => machine.kill("SIGKILL"), within * 1000);
  await new Promise<void>((resolve, reject) => {
    machine.on("error", reject);
    machine.on("close", () => resolve());
  });
  clearTimeout(watchdog);
  const seconds = (performance.now() - started) / 1000;
  const text = existsSync(consoleFile) ? await readFile(consoleFile, "utf8") : "";
  if (lines.at(-1) !== done)
    throw new Error(
      `Linux ${kernel.release} did not come to the end of its script within ${within} s.\n` +
        `qemu: ${Buffer.concat(errors).toString()}\nLast lines: ${lines.slice(-5).join("\n")}\nConsole: ${text.slice(-4000)}`,
    );
  return { lines: lines.slice(0, -1), seconds, console: text };
}
