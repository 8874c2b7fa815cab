import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { copyProgram, makeGateRoot, type GateRoot } from "../support/gate-root.ts";
import { loaderPrograms, type Need } from "./attack.ts";
import { placeGood } from "./payloads.ts";
import { drivers, type Programs } from "./programs.ts";

/** Where attacks run: a small system of its own on a disk of its own. */
export interface AttackRoot {
  readonly gate: GateRoot;
  readonly has: ReadonlySet<Need>;
  /** SHA-256 of each file that was there before the first attack. These may run. */
  readonly allowed: ReadonlySet<string>;
  /** Paths, seen from this machine, of what reads programs. */
  readonly interpreters: readonly string[];
  remove(): void;
}

const coreutils = [
  "cat",
  "cp",
  "mv",
  "ln",
  "rm",
  "mkdir",
  "mkfifo",
  "chmod",
  "sleep",
  "date",
  "env",
  "tail",
  "find",
  "tar",
  "xargs",
  "bash",
  "mawk",
  "mount",
  "umount",
  "unshare",
  "setpriv",
  "iconv",
  "getent",
  "ls",
  "timeout",
];
const libraryFolder = "/usr/lib/x86_64-linux-gnu";

/** Without Node it is small enough for a virtual machine. */
export function makeAttackRoot(parent: string, programs: Programs, size: "whole" | "small" = "whole"): AttackRoot {
  const gate = makeGateRoot(parent, size === "whole" ? 500 : 220);
  const has = new Set<Need>(["libc", "coreutils", "loop"]);
  const undo: (() => void)[] = [() => gate.remove()];
  const remove = (): void => {
    process.off("exit", remove);
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) step();
  };
  process.on("exit", remove);
  try {
    for (const name of ["dash", ...coreutils]) copyProgram(gate, found(name), `/bin/${name}`);
    copyProgram(gate, "/sbin/ldconfig");
    copyProgram(gate, "/usr/bin/busybox", "/bin/busybox");
    if (fs.existsSync("/sbin/mke2fs")) {
      copyProgram(gate, "/sbin/mke2fs");
      has.add("disk-maker");
    }
    // A library loaded apart from the others asks for its loader by the name in the library folder.
    copyProgram(gate, "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
    fs.symlinkSync("dash", join(gate.path, "bin/sh"));
    if (programs.can32) has.add("32-bit");
    addPython(gate, has);
    addPerl(gate, has);
    if (size === "whole") addNode(gate, has);
    if (size === "whole") addLoaders(gate, has);
    addOwn(gate, programs);
    const second = addDevices(gate);
    if (second !== undefined) {
      has.add("second-file-system");
      if (hasXfs()) has.add("shared-blocks");
      undo.push(() => execFileSync("losetup", ["-d", second]));
    }
    fs.mkdirSync(join(gate.path, "p"));
    execFileSync("/sbin/ldconfig", ["-X", "-r", gate.path]);
    const interpreters = [
      "usr/bin/dash",
      "usr/bin/bash",
      "usr/bin/busybox",
      "usr/bin/mawk",
      "usr/bin/python3.11",
      "usr/bin/perl",
      "usr/bin/node",
    ]
      .map((path) => join(gate.path, path))
      .filter((path) => fs.existsSync(path));
    return { gate, has, allowed: digests(gate.path), interpreters, remove };
  } catch (cause) {
    remove();
    throw cause;
  }
}

function found(name: string): string {
  const path = ["/bin", "/usr/bin", "/sbin", "/usr/sbin"]
    .map((folder) => join(folder, name))
    .find((path) => fs.existsSync(path));
  if (path === undefined) throw new Error(`${name} is missing on this machine: the attacks need it in their root`);
  return path;
}

function addPython(gate: GateRoot, has: Set<Need>): void {
  if (!fs.existsSync("/usr/bin/python3.11")) return;
  copyProgram(gate, "/usr/bin/python3.11");
  fs.symlinkSync("python3.11", join(gate.path, "usr/bin/python3"));
  const unwanted = /\/(test|idlelib|tkinter|lib2to3|ensurepip|pydoc_data|distutils|turtledemo|config-[^/]*)$/;
  fs.cpSync("/usr/lib/python3.11", join(gate.path, "usr/lib/python3.11"), {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !unwanted.test(path),
  });
  copyProgram(gate, `${libraryFolder}/libffi.so.8`, "/lib/x86_64-linux-gnu/libffi.so.8");
  has.add("python");
}

function addPerl(gate: GateRoot, has: Set<Need>): void {
  const folder = `${libraryFolder}/perl-base`;
  if (!fs.existsSync(folder)) return;
  copyProgram(gate, "/usr/bin/perl");
  fs.cpSync(folder, join(gate.path, folder), { recursive: true });
  has.add("perl");
}

function addNode(gate: GateRoot, has: Set<Need>): void {
  copyProgram(gate, process.execPath, "/usr/bin/node");
  has.add("node");
}

/** What starts or reads programs without being an interpreter, as far as this machine has it. */
function addLoaders(gate: GateRoot, has: Set<Need>): void {
  for (const name of loaderPrograms) {
    const program = join("/usr/bin", name);
    if (!fs.existsSync(program)) continue;
    copyProgram(gate, program, `/bin/${name}`);
    has.add(name);
  }
  const gdbOwn = "/usr/share/gdb";
  if (has.has("gdb") && fs.existsSync(gdbOwn)) fs.cpSync(gdbOwn, join(gate.path, gdbOwn), { recursive: true });
  const applets = execFileSync("/usr/bin/busybox", ["--list"], { encoding: "utf8" }).split("\n");
  if (applets.includes("crond")) has.add("crond");
}

function addOwn(gate: GateRoot, programs: Programs): void {
  const folder = join(gate.path, "attacks");
  fs.mkdirSync(folder);
  for (const name of [...drivers, "good-user"]) fs.copyFileSync(join(programs.folder, name), join(folder, name));
  placeGood(programs.folder, folder);
  fs.mkdirSync(join(gate.path, "usr/lib"), { recursive: true });
  fs.copyFileSync(join(programs.folder, "libgood.so"), join(gate.path, "usr/lib/libgood.so"));
  fs.mkdirSync(join(gate.path, "etc"), { recursive: true });
  fs.writeFileSync(join(gate.path, "etc/passwd"), "root:x:0:0::/:/bin/sh\nsomeone:x:1000:1000::/:/bin/sh\n");
}

/** The devices that the attacks use: harmless ones, the disk of this root itself, and a second disk. */
function addDevices(gate: GateRoot): string | undefined {
  const own = fs
    .readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .find((line) => line.split(" ")[1] === gate.path)
    ?.split(" ")[0];
  if (own === undefined) throw new Error(`${gate.path} is not mounted`);
  const devices = [
    ["null", "/dev/null"],
    ["zero", "/dev/zero"],
    ["urandom", "/dev/urandom"],
    ["fuse", "/dev/fuse"],
    ["disk", own],
  ];
  const image = join(gate.scratch, "second");
  fs.mkdirSync(join(gate.path, "second"));
  const second = makeSecond(image);
  if (second !== undefined) devices.push(["second", second]);
  for (const [name, source] of devices)
    if (fs.existsSync(source as string))
      execFileSync("cp", [
        "-a",
        "-L",
        "--no-preserve=ownership",
        source as string,
        join(gate.path, "dev", name as string),
      ]);
  for (const name of ["null", "zero", "urandom", "fuse"])
    if (fs.existsSync(join(gate.path, "dev", name))) fs.chmodSync(join(gate.path, "dev", name), 0o666);
  fs.symlinkSync("/proc/self/fd", join(gate.path, "dev/fd"));
  fs.symlinkSync("/proc/self/fd/0", join(gate.path, "dev/stdin"));
  fs.chmodSync(join(gate.path, "tmp"), 0o1777);
  return second;
}

/** XFS shares blocks between files; where its tools are missing the second disk is ext4, which does not. */
export const xfsMaker = "/sbin/mkfs.xfs";
const hasXfs = (): boolean => fs.existsSync(xfsMaker);

function makeSecond(image: string): string | undefined {
  const xfs = hasXfs();
  execFileSync("truncate", ["-s", xfs ? "320M" : "32M", image]);
  if (xfs) execFileSync(xfsMaker, ["-q", image]);
  else execFileSync("/sbin/mkfs.ext4", ["-q", "-F", image]);
  return execFileSync("losetup", ["--find", "--show", image], { encoding: "utf8" }).trim();
}

function digests(folder: string): ReadonlySet<string> {
  const files = fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Set(files.map((path) => createHash("sha256").update(fs.readFileSync(path)).digest("hex")));
}
