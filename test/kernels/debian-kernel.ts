import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { debianMirror } from "../support/debian-root.ts";
import { top } from "../laws/repository.ts";

/** Kernels that Debian 12 ships: the release's own, and the newer one from its backports. */
export const kernelVersions = ["6.1", "6.12"] as const;
export type KernelVersion = (typeof kernelVersions)[number];

/** A kernel unpacked: the image, and the folder of its modules. */
export interface DebianKernel {
  readonly release: string;
  readonly image: string;
  readonly modules: string;
}

const run = promisify(execFile);
const large = { maxBuffer: 256 * 1024 * 1024 };

/** Why no kernel can be booted here; undefined where it can. */
export function cannotBoot(): string | undefined {
  if (!existsSync("/usr/bin/qemu-system-x86_64")) return "qemu is missing: apt-get install -y qemu-system-x86";
  if (!existsSync("/usr/bin/busybox")) return "busybox is missing: apt-get install -y busybox-static";
  return ["/usr/bin/apt-get", "/usr/bin/dpkg-deb", "/usr/bin/xz"]
    .find((program) => !existsSync(program))
    ?.concat(" is missing");
}

/**
 * The newest kernel of a version, for virtual machines. Downloaded and unpacked once below dist/; nothing is installed, and apt's own
 * lists are left as they are. apt checks the archive's signature.
 */
export async function debianKernel(version: KernelVersion): Promise<DebianKernel> {
  const folder = join(top, "dist/kernels", version);
  if (!existsSync(folder)) {
    const fetching = fetches.get(version) ?? fetchKernel(version, folder);
    fetches.set(version, fetching);
    await fetching;
  }
  const image = readdirSync(join(folder, "boot")).find((name) => name.startsWith("vmlinuz-"));
  if (image === undefined) throw new Error(`${folder}/boot holds no kernel image: remove ${folder}, it is made again`);
  const release = image.slice("vmlinuz-".length);
  const modules = ["lib/modules", "usr/lib/modules"]
    .map((place) => join(folder, place, release))
    .find((place) => existsSync(place));
  if (modules === undefined) throw new Error(`${folder} holds no modules of ${release}: remove it, it is made again`);
  return { release, image: join(folder, "boot", image), modules };
}

/** Several ask at once for the same one. */
const fetches = new Map<KernelVersion, Promise<void>>();

async function fetchKernel(version: KernelVersion, folder: string): Promise<void> {
  const work = `${folder}.${process.pid}`;
  const apt = join(work, "apt");
  await mkdir(join(apt, "lists/partial"), { recursive: true });
  await mkdir(join(apt, "archives/partial"), { recursive: true });
  const mirror = debianMirror();
  const signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
  const suites = ["bookworm", "bookworm-backports"];
  await writeFile(join(apt, "sources.list"), suites.map((suite) => `deb ${signed} ${mirror} ${suite} main\n`).join(""));
  const options = [
    `Dir::Etc::sourcelist=${apt}/sources.list`,
    "Dir::Etc::sourceparts=/dev/null",
    `Dir::State::lists=${apt}/lists`,
    `Dir::Cache=${apt}`,
    "Dir::State::status=/dev/null",
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  try {
    await run("apt-get", [...options, "-q", "update"], large);
    const { stdout } = await run("apt-cache", [...options, "pkgnames", `linux-image-${version}.`], large);
    const name = newest(
      stdout.split("\n").filter((line) => line.endsWith("-cloud-amd64") && !line.includes("unsigned")),
    );
    if (name === undefined) throw new Error(`the Debian archive ${mirror} has no kernel ${version}`);
    await run("apt-get", [...options, "-q", "download", name], { ...large, cwd: apt });
    const file = readdirSync(apt).find((entry) => entry.endsWith(".deb"));
    if (file === undefined) throw new Error(`apt-get downloaded no ${name}`);
    await run("dpkg-deb", ["-x", join(apt, file), work], large);
    await rm(apt, { recursive: true });
    // Another process may have been sooner.
    await rename(work, folder).catch((cause: unknown) => {
      if (!existsSync(folder)) throw cause;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const newest = (names: readonly string[]): string | undefined =>
  names.toSorted((one, other) => one.localeCompare(other, "en", { numeric: true })).at(-1);
