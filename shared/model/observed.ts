import type { ProcessKey, Worth } from "./detection.ts";
import type { Instant, Sha256 } from "./ids.ts";

/**
 * What a device saw, joined with what is known about it: the input of detection. Paths, names and arguments are path
 * text (shared/lib/path-text.ts); names of users are the device's own.
 */
export type Observed =
  | ObservedExec
  | ObservedJudged
  | ObservedExit
  | ObservedFile
  | ObservedConnection
  | ObservedListen
  | ObservedModule
  | ObservedReach
  | ObservedMemory;

export const observedLimits = { arguments: 4096, characters: 32_768, path: 4096 };

/** The device and the event's own name there; a finding leads back by it. */
interface Seen {
  readonly id: string;
  readonly at: Instant;
  readonly host: string;
  readonly actor: ObservedProcess;
}

/** A process, by what survives reuse of its number. */
export interface ObservedProcess {
  readonly pid: number;
  /** Nanoseconds since boot, as text: beyond what a number holds. */
  readonly startedAt: string;
  /** The running program: the interpreter, for a script. */
  readonly executable: string;
  readonly arguments: readonly string[];
  readonly directory?: string;
  readonly uid: number;
  readonly gid: number;
  /** Who logged in at first, whatever sudo did since. */
  readonly loginUid?: number;
  readonly user?: string;
  readonly loginUser?: string;
  readonly session?: number;
  /** The kernel's name of it, at most 15 bytes. */
  readonly name: string;
  readonly sha256?: Sha256;
  /** What the program is worth on that device at that moment; undefined: nobody had judged it yet. */
  readonly worth?: Worth;
  /** Its control group, as path text. */
  readonly cgroup?: string;
  /** Who started it, and so on upwards. */
  readonly parent?: ObservedProcess;
}

export interface ObservedExec extends Seen {
  readonly kind: "exec";
  /** The script that was started, where it was one. */
  readonly script?: string;
  readonly scriptSha256?: Sha256;
  readonly scriptWorth?: Worth;
  /** It is not a file on a disk: memory, or a file that has no name any more. */
  readonly unnamed?: "memory" | "unlinked";
  /** Under which package transaction or process the program was written, where that was seen less than a day ago. */
  readonly writtenBy?: ProcessKey & { readonly executable: string; readonly at: Instant };
}

/**
 * A start once more, now that its bytes were judged: when it was told nobody had done so. A large file takes longer to read than an event
 * may wait. It stands beside the start, and whoever counts starts passes it over.
 */
export interface ObservedJudged extends Omit<ObservedExec, "kind"> {
  readonly kind: "judged";
  /** The start's own name. */
  readonly start: string;
  /** What is new about it. */
  readonly adds: readonly JudgedPart[];
}

export const judgedParts = ["program", "script"] as const;
export type JudgedPart = (typeof judgedParts)[number];

/** The start itself, as it would have been told had its bytes been judged in time. */
export function startOf({ start, adds: _adds, ...rest }: ObservedJudged): ObservedExec {
  return { ...rest, kind: "exec", id: start };
}

/** The same start as it was told at first. */
export function startBefore(judged: ObservedJudged): ObservedExec {
  const start = startOf(judged);
  const { sha256: _sha256, worth: _worth, ...unread } = start.actor;
  const { scriptSha256: _scriptSha256, scriptWorth: _scriptWorth, ...unscripted } = start;
  const known = judged.adds.includes("script") ? unscripted : start;
  return judged.adds.includes("program") ? { ...known, actor: unread } : known;
}

export interface ObservedExit extends Seen {
  readonly kind: "exit";
  readonly status: number;
}

export interface ObservedFile extends Seen {
  readonly kind: "file";
  /** `opened`: a file of a class that is watched for readers (credentials) was opened. */
  readonly change: "created" | "written" | "renamed" | "deleted" | "attributes" | "opened";
  readonly path: string;
  /** The root it lies in, where that is not the device's own ("/srv/chroot"): `path` begins with it. */
  readonly root?: string;
  /** Where it was renamed from. */
  readonly before?: string;
  readonly sha256?: Sha256;
  /** The package that owns the path on this device, where one does. */
  readonly package?: string;
  /** So many files this process had changed alike within half a minute when it changed this one; absent: few. */
  readonly count?: number;
  /** They are those of the whole piece of work that the process is part of (shared/model/work). */
  readonly spread?: true;
}

export interface ObservedConnection extends Seen {
  readonly kind: "connection";
  readonly protocol: "tcp" | "udp";
  /** This device began it; otherwise it was taken in. */
  readonly initiated: boolean;
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number; readonly name?: string };
}

export interface ObservedModule extends Seen {
  readonly kind: "module";
  readonly module: string;
}

export interface ObservedListen extends Seen {
  readonly kind: "listen";
  readonly protocol: "tcp" | "udp";
  readonly local: { readonly address: string; readonly port: number };
}

/** One process reached into another: ptrace, process_vm_writev, /proc/PID/mem. */
export interface ObservedReach extends Seen {
  readonly kind: "reach";
  readonly target: ProcessKey & { readonly executable: string };
  readonly request: number;
}

/** Memory that can be executed like a file was made, or (`library`) a library was loaded. */
export interface ObservedMemory extends Seen {
  readonly kind: "memory";
  readonly what: "memfd" | "library";
  readonly name: string;
  readonly sha256?: Sha256;
  readonly worth?: Worth;
}

/** The path as those see it who live in its root: what a rule about places compares. */
export const pathInRoot = ({ path, root = "" }: Pick<ObservedFile, "path" | "root">): string => path.slice(root.length);
