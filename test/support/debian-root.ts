import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** Why no Debian root can be made here; undefined where it can. */
export function cannotMakeRoot(): string | undefined {
  if (process.getuid?.() !== 0) return "making a Debian root needs root";
  return existsSync("/usr/sbin/debootstrap") ? undefined : "debootstrap is missing: apt-get install -y debootstrap";
}

/** A minimal Debian 12 below `folder`, from the mirror apt here is configured with. */
export async function makeDebianRoot(folder: string, include: readonly string[] = []): Promise<void> {
  const more = include.length === 0 ? [] : [`--include=${include.join(",")}`];
  await promisify(execFile)(
    "/usr/sbin/debootstrap",
    ["--variant=minbase", ...more, "bookworm", folder, debianMirror()],
    {
      maxBuffer: 64 * 1024 * 1024,
    },
  );
}

/** What an intruder does who knows of dpkg --verify: other bytes, and a record that agrees with them. */
export function alterProgram(root: string, path: string, pkg: string): void {
  appendFileSync(join(root, path), "\0altered");
  const md5 = createHash("md5")
    .update(readFileSync(join(root, path)))
    .digest("hex");
  const sums = join(root, "var/lib/dpkg/info", `${pkg}.md5sums`);
  const packaged = path.replace(/^\//, "");
  const lines = readFileSync(sums, "utf8").split("\n");
  const altered = lines.map((line) =>
    line.endsWith(`  ${packaged}`) || line.endsWith(`  usr/${packaged}`) || `usr/${line.slice(34)}` === packaged
      ? `${md5}  ${line.slice(34)}`
      : line,
  );
  if (altered.join("\n") === lines.join("\n")) throw new Error(`${sums} does not list ${path}`);
  writeFileSync(sums, altered.join("\n"));
}

/** What dpkg itself says about a package in the root: "" means that it found nothing wrong. */
export const dpkgVerify = (root: string, pkg: string): string =>
  execFileSync("dpkg", [`--root=${root}`, "--verify", pkg], { encoding: "utf8" }).trim();

/** The Debian archive that apt on this machine is configured with. */
export function debianMirror(): string {
  const configured = ["/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"]
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  const found = /https?:\/\/[^\s]+\/debian\/?(?=\s|$)/.exec(configured)?.[0];
  if (found === undefined) throw new Error("apt on this machine names no Debian archive to make a root from");
  return found;
}
