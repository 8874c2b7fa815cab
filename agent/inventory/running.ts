import { readFileSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { pathText } from "@provost/shared/lib/path-text.ts";
import type { FileIdentity } from "@provost/shared/model/inventory.ts";
import { identityOf } from "../identity/hash.ts";
import { bootTime, mappedFiles, parseStat, ticksPerSecond } from "./proc-text.ts";

/** A file that a process executes or maps executable, as seen through that process. */
export interface RunningFile {
  /** "" for the device's own root, "/srv/chroot" or "container:ID" else. */
  readonly root: string;
  readonly path: string;
  readonly identity: FileIdentity;
  readonly mode: number;
  readonly uid: number;
  /** What to open to read exactly the bytes that run, deleted and memfd files included. */
  readonly open: string;
  /** "deleted", "memfd": the file has no name any more, or never had one. */
  readonly note?: string;
  /** The folder that is this file's root for the agent: "/" or /proc/PID/root. */
  readonly view: string;
}

export interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  /** Milliseconds since 1970; with the pid it names a process for as long as the machine runs. */
  readonly startedAt: number;
  /** Nanoseconds from the machine's start: as events and orders name a process. */
  readonly sinceBoot: string;
  readonly uid: number;
  readonly command: string;
  readonly container?: string;
  /** The executable first, then what else it maps executable. */
  readonly files: readonly RunningFile[];
  /** What could not be seen of it. */
  readonly blind?: string;
}

type Identity = Pick<RunningProcess, "pid" | "parent" | "startedAt" | "sinceBoot">;

const nsPerTick = 1e9 / ticksPerSecond;

/** Remembers processes between looks, so that an unchanged process costs one small read. */
export class ProcessWatch {
  readonly #known = new Map<number, { readonly process: RunningProcess; readonly lookedAt: number }>();
  readonly #ownRoot = rootIdentity("/proc/self/root");
  readonly #boot = bootTime(readText("/proc/stat") ?? "");

  /** All processes with a program of their own (kernel threads have none). `refreshMs`: how old a process's mappings may be. */
  look(now: number, refreshMs: number): readonly RunningProcess[] {
    const alive = new Set<number>();
    for (const name of readdirSync("/proc")) {
      const pid = Number(name);
      if (!Number.isInteger(pid)) continue;
      const stat = parseStat(readText(`/proc/${pid}/stat`) ?? "");
      if (stat === undefined || stat.isKernel) continue;
      alive.add(pid);
      const startedAt = Math.round(this.#boot * 1000 + (stat.startTicks * 1000) / ticksPerSecond);
      const known = this.#known.get(pid);
      const fresh = known?.process.startedAt === startedAt && now - known.lookedAt < refreshMs;
      if (fresh && known.process.parent === stat.parent) continue;
      const sinceBoot = String(stat.startTicks * nsPerTick);
      const process = this.#read({ pid, parent: stat.parent, startedAt, sinceBoot }, stat.name);
      if (process === undefined) alive.delete(pid);
      else this.#known.set(pid, { process, lookedAt: now });
    }
    for (const pid of this.#known.keys()) if (!alive.has(pid)) this.#known.delete(pid);
    return [...this.#known.values()].map((entry) => entry.process).toSorted((a, b) => a.pid - b.pid);
  }

  #read(who: Identity, name: string): RunningProcess | undefined {
    const { pid } = who;
    const maps = readText(`/proc/${pid}/maps`);
    if (maps === "") return undefined;
    const command = commandLine(pid) ?? `[${name}]`;
    const status = readText(`/proc/${pid}/status`) ?? "";
    const uid = Number(/^Uid:\t\d+\t(\d+)/m.exec(status)?.[1] ?? 0);
    const root = this.#rootOf(pid);
    if (maps === undefined || root === undefined)
      return { ...who, uid, command, files: [], blind: "this user may not see what it maps" };
    const files = runningFiles(pid, maps, root);
    const base = { ...who, uid, command, files };
    return root.label === "" ? base : { ...base, container: root.label };
  }

  /** A process whose root is not ours sees other files under the same names. */
  #rootOf(pid: number): Root | undefined {
    const view = `/proc/${pid}/root`;
    const identity = rootIdentity(view);
    if (identity === undefined) return undefined;
    if (identity === this.#ownRoot) return { label: "", view: "/" };
    const link = readLink(view);
    if (link !== undefined && link !== "/" && rootIdentity(link) === identity) return { label: link, view: link };
    return { label: `container:${containerName(pid) ?? identity}`, view };
  }
}

interface Root {
  readonly label: string;
  readonly view: string;
}

function runningFiles(pid: number, maps: string, root: Root): readonly RunningFile[] {
  const files = new Map<string, RunningFile>();
  const executable = runningFile(`/proc/${pid}/exe`, readLinkBytes(`/proc/${pid}/exe`), root);
  if (executable !== undefined) files.set(keyOf(executable), executable);
  for (const mapped of mappedFiles(maps)) {
    const file =
      runningFile(`/proc/${pid}/map_files/${mapped.range}`, undefined, root, mapped.path) ??
      runningFile(`${root.view === "/" ? "" : root.view}${mapped.path}`, undefined, root, mapped.path);
    if (file !== undefined && !files.has(keyOf(file))) files.set(keyOf(file), file);
  }
  return [...files.values()];
}

const keyOf = (file: RunningFile): string => `${file.identity.dev}:${file.identity.ino}`;

function runningFile(open: string, link: string | undefined, root: Root, path = link): RunningFile | undefined {
  if (path === undefined) return undefined;
  try {
    const stats = statSync(open);
    if (!stats.isFile()) return undefined;
    const identity = identityOf(stats);
    const inside = insideRoot(path, root);
    const base = { root: root.label, identity, mode: stats.mode, uid: stats.uid, open, view: root.view };
    // A name that is gone is not a name: the inode is added, so that two deleted files never pass for one.
    if (path.startsWith("/memfd:"))
      return { ...base, path: `${inside} [${identity.dev}:${identity.ino}]`, note: "memfd" };
    if (path.endsWith(" (deleted)"))
      return { ...base, path: `${inside} [${identity.dev}:${identity.ino}]`, note: "deleted" };
    return { ...base, path: inside };
  } catch {
    return undefined;
  }
}

/** The kernel prints paths of a chroot as the agent sees them where it can: cut the root off. */
const insideRoot = (path: string, root: Root): string =>
  root.label !== "" && path.startsWith(`${root.label}/`) ? path.slice(root.label.length) : path;

function containerName(pid: number): string | undefined {
  // docker, containerd, podman and Kubernetes put the 64-digit container id into the cgroup's path.
  return /([0-9a-f]{64})/.exec(readText(`/proc/${pid}/cgroup`) ?? "")?.[1]?.slice(0, 12);
}

function commandLine(pid: number): string | undefined {
  try {
    const bytes = readFileSync(`/proc/${pid}/cmdline`).subarray(0, 4096);
    const text = pathText(bytes.map((byte) => (byte === 0 ? 32 : byte))).trim();
    return text === "" ? undefined : text.slice(0, 4000);
  } catch {
    return undefined;
  }
}

function rootIdentity(path: string): string | undefined {
  try {
    const stats = statSync(path);
    return `${stats.dev}:${stats.ino}`;
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function readLinkBytes(path: string): string | undefined {
  try {
    return pathText(readlinkSync(path, { encoding: "buffer" }));
  } catch {
    return undefined;
  }
}
