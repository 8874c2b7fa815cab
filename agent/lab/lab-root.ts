import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { cgroupRoot } from "../host/process.ts";

/** A file system of its own to run something in, and a control group: neither this machine's root nor its network is touched. */
export interface LabRoot {
  readonly path: string;
  readonly cgroup: string;
  /** Beside the root: state of the throw-away server, agent and sensor. */
  readonly scratch: string;
  /** What still runs in it is killed, everything is unmounted and removed. */
  remove(): void;
}

/** What a script finds where no root is named: those of this machine that are there. */
const programs =
  "sh dash bash cat cp mv rm mkdir rmdir chmod chown ls ln touch sleep head tail grep sed awk mawk find id uname ps kill pgrep date dd sha256sum base64 tr wc sort uniq cut tee env printf test true false seq curl stat mktemp xargs tar gzip as ld dpkg dpkg-deb dpkg-query dpkg-split".split(
    " ",
  );
const megabytes = 6000;

export function makeLabRoot(parent: string, from: string | undefined): LabRoot {
  const groups = cgroupRoot();
  if (groups === undefined)
    throw new AppError("NOT_ALLOWED", "the lab needs control groups of version 2, and none are mounted");
  if (from !== undefined && !existsSync(from))
    throw new AppError("NOT_FOUND", `there is no folder ${from} to make a root of`);
  if (!existsSync("/sbin/mkfs.ext4"))
    throw new AppError("NOT_FOUND", "mkfs.ext4 is missing", { remedy: "install the package e2fsprogs" });
  const scratch = mkdtempSync(join(parent, "provost-lab-"));
  const path = join(scratch, "root");
  const cgroup = join(groups, scratch.slice(scratch.lastIndexOf("/") + 1));
  const undo: (() => void)[] = [() => rmSync(scratch, { recursive: true, force: true })];
  const remove = (): void => {
    process.off("exit", remove);
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) step();
  };
  process.on("exit", remove);
  try {
    const image = join(scratch, "image");
    execFileSync("truncate", ["-s", `${megabytes}M`, image]);
    execFileSync("/sbin/mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image]);
    mkdirSync(path);
    execFileSync("mount", ["-o", "loop,noatime", image, path]);
    undo.push(() => spawnSync("umount", ["-l", path]));
    mkdirSync(cgroup);
    undo.push(() => endGroup(cgroup));
    if (from === undefined) furnish(path);
    else execFileSync("cp", ["-a", "--reflink=auto", "-x", `${from}/.`, path]);
    for (const folder of ["dev", "proc", "tmp", "root", "home", "etc", "lab"])
      mkdirSync(join(path, folder), { recursive: true });
    for (const [name, minor] of [
      ["null", 3],
      ["zero", 5],
      ["urandom", 9],
    ] as const)
      if (!existsSync(join(path, "dev", name)))
        execFileSync("mknod", ["-m", "666", join(path, "dev", name), "c", "1", String(minor)]);
    return { path, cgroup, scratch, remove };
  } catch (cause) {
    remove();
    throw cause;
  }
}

/** This machine's everyday programs with their libraries, as one package of an own database: what is not listed, nothing claims. */
function furnish(root: string): void {
  for (const folder of ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc"])
    mkdirSync(join(root, folder), { recursive: true });
  for (const folder of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${folder}`, join(root, folder));
  for (const name of programs) {
    const at = ["/usr/bin", "/bin"].map((folder) => join(folder, name)).find((path) => existsSync(path));
    if (at !== undefined) copyProgram(root, at, `/usr/bin/${name}`);
  }
  if (existsSync("/sbin/ldconfig")) copyProgram(root, "/sbin/ldconfig", "/usr/sbin/ldconfig");
  copyProgram(root, process.execPath, "/usr/bin/node");
  const npm = "/usr/lib/node_modules/npm";
  if (existsSync(npm)) {
    cpSync(npm, join(root, npm), { recursive: true });
    symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/bin/npm"));
  }
  writeFileSync(join(root, "etc/os-release"), "ID=debian\n");
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost registry.test api.test pool.test\n");
  recordPackage(root, "lab-base");
}

function recordPackage(root: string, name: string): void {
  const folder = join(root, "var/lib/dpkg");
  for (const part of ["info", "updates", "triggers"]) mkdirSync(join(folder, part), { recursive: true });
  appendFileSync(
    join(folder, "status"),
    `Package: ${name}\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody\n\n`,
  );
  const files = readdirSync(join(root, "usr"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  writeFileSync(join(folder, "info", `${name}.list`), files.map((path) => `${path.slice(root.length)}\n`).join(""));
  writeFileSync(
    join(folder, "info", `${name}.md5sums`),
    files
      .map((path) => `${createHash("md5").update(readFileSync(path)).digest("hex")}  ${path.slice(root.length + 1)}\n`)
      .join(""),
  );
}

function copyProgram(root: string, program: string, as: string): void {
  for (const [from, to] of [[program, as], ...needed(program).map((path) => [path, path])] as [string, string][]) {
    const target = join(root, to);
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(realpathSync(from), target);
  }
}

/** ldd prints "name => /path (address)" and "/path (address)"; of a static program or a script nothing useful. */
function needed(program: string): readonly string[] {
  const { stdout } = spawnSync("ldd", [program], { encoding: "utf8" });
  return stdout.split("\n").flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

function endGroup(cgroup: string): void {
  writeFileSync(join(cgroup, "cgroup.kill"), "1");
  for (let tries = 0; tries < 500 && readFileSync(join(cgroup, "cgroup.procs"), "utf8") !== ""; tries += 1)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  rmdirSync(cgroup);
}
