import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

const cgroups = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) => existsSync(join(path, "cgroup.procs")));

/** A file system of its own with a root to chroot into, and a cgroup: what a gate may hold and stop without touching this machine. */
export interface GateRoot {
  readonly path: string;
  /** Folder of a cgroup v2. */
  readonly cgroup: string;
  /** Where this test may keep files that are not under the gate. */
  readonly scratch: string;
  /** Unmounts and removes everything, also what still runs in the cgroup. */
  remove(): void;
}

/** Why no such root can be made here; undefined where it can. */
export function cannotGate(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "a root with a gate of its own needs Linux and root";
  if (cgroups === undefined) return "there is no cgroup v2 hierarchy here";
  return existsSync("/sbin/mkfs.ext4") ? undefined : "mkfs.ext4 is missing: apt-get install -y e2fsprogs";
}

/** `megabytes` are taken as they are used: the image is sparse. */
export function makeGateRoot(parent: string, megabytes = 600): GateRoot {
  if (cgroups === undefined) throw new Error("there is no cgroup v2 hierarchy here");
  mkdirSync(parent, { recursive: true });
  const scratch = mkdtempSync(join(parent, "gate-"));
  const path = join(scratch, "root");
  const cgroup = join(cgroups, `provost-${scratch.slice(scratch.lastIndexOf("-") + 1)}`);
  const undo: (() => void)[] = [() => rmSync(scratch, { recursive: true, force: true })];
  const remove = (): void => {
    process.off("exit", remove);
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) step();
  };
  process.on("exit", remove);
  try {
    const image = join(scratch, "image");
    execFileSync("truncate", ["-s", `${megabytes}M`, image]);
    // With its journal: without one ext4 looks for inodes that were not used lately, and a second build takes twice as long.
    execFileSync("/sbin/mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image]);
    mkdirSync(path);
    execFileSync("mount", ["-o", "loop,noatime", image, path]);
    undo.push(() => unmount(path));
    mkdirSync(cgroup);
    undo.push(() => endGroup(cgroup));
    for (const folder of ["dev", "proc", "tmp", "usr/bin", "usr/lib", "usr/lib64"])
      mkdirSync(join(path, folder), { recursive: true });
    for (const folder of ["bin", "lib", "lib64"]) symlinkSync(`usr/${folder}`, join(path, folder));
    return { path, cgroup, scratch, remove };
  } catch (cause) {
    remove();
    throw cause;
  }
}

/** A sensor that watches this whole machine holds a file for the moment in which it looks at it. */
function unmount(path: string): void {
  for (let tries = 1; ; tries += 1)
    try {
      execFileSync("umount", [path], { stdio: ["ignore", "ignore", "pipe"] });
      return;
    } catch (cause) {
      if (tries === unmountTries) throw cause;
      execFileSync("sleep", ["0.2"]);
    }
}
const unmountTries = 20;

/** cgroup.kill ends all that is in it at once; the folder goes when the last one was waited for. */
function endGroup(cgroup: string): void {
  writeFileSync(join(cgroup, "cgroup.kill"), "1");
  for (let tries = 0; tries < 500 && readFileSync(join(cgroup, "cgroup.procs"), "utf8") !== ""; tries += 1)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  rmdirSync(cgroup);
}

/** A program of this machine with the libraries it names, at the same paths below the root. */
export function copyProgram(root: GateRoot, program: string, as = program): void {
  const libraries = needed(program);
  for (const [from, to] of [[program, as], ...libraries.map((path) => [path, path])] as [string, string][]) {
    const target = join(root.path, to);
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(realpathSync(from), target);
  }
}

/** ldd prints "name => /path (address)" and "/path (address)". It says nothing useful of a static program. */
function needed(program: string): readonly string[] {
  try {
    const lines = execFileSync("ldd", [program], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n");
    return lines.flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
  } catch {
    return [];
  }
}
