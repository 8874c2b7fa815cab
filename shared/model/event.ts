import type { Access, GateMode, Tier } from "./gate.ts";
import type { Sha256 } from "./ids.ts";

/**
 * What a sensor sees happen on a device. Times are nanoseconds since the device booted, suspend included; paths and names are path
 * text (shared/lib/path-text.ts). A 64-bit number beyond 2^53 loses its last digits here: it still tells one thing from another.
 */
export type SensorEvent =
  | ExecEvent
  | ForkEvent
  | ExitEvent
  | SocketEvent
  | ModuleEvent
  | ReachEvent
  | MemfdEvent
  | BpfEvent
  | MountEvent
  | FileEvent;

/** A file as the kernel tells it apart: never by its path. */
export interface FileStamp {
  /** 0: there is no such file, or it was not seen. */
  readonly inode: number;
  /** Nanoseconds since 1970. */
  readonly changed: number;
  readonly bytes: number;
  /** Of the superblock: major * 2^20 + minor. */
  readonly device: number;
  readonly links: number;
}

/** A process by what survives the reuse of its number: pid and start, within one boot. */
export interface ProcessStamp {
  readonly pid: number;
  readonly parent: number;
  readonly started: number;
  readonly parentStarted: number;
  readonly cgroup: number;
  readonly user: number;
  readonly group: number;
  /** Undefined: nobody logged in for it. */
  readonly loginUser: number | undefined;
  readonly session: number | undefined;
  readonly mountNamespace: number;
  readonly pidNamespace: number;
  readonly name: string;
}

interface Seen {
  readonly time: number;
  /** Counts per processor from 0; a gap is a loss. */
  readonly sequence: number;
  readonly cpu: number;
  readonly flags: number;
  readonly who: ProcessStamp;
}

export interface ExecEvent extends Seen {
  readonly kind: "exec";
  /** What runs now: the interpreter, for a script. */
  readonly file: FileStamp;
  readonly script: FileStamp | undefined;
  readonly path: string;
  /** As it was called. */
  readonly called: string;
  readonly directory: string;
  readonly arguments: readonly string[];
  readonly argumentCount: number;
  readonly cgroupName: string;
}
export interface ForkEvent extends Seen {
  readonly kind: "fork";
  readonly child: number;
  readonly childStarted: number;
}
export interface ExitEvent extends Seen {
  readonly kind: "exit";
  readonly waitStatus: number;
  readonly ranFor: number;
}
export interface SocketEvent extends Seen {
  readonly kind: "connect" | "listen";
  readonly family: "ip4" | "ip6";
  readonly protocol: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}
export interface ModuleEvent extends Seen {
  readonly kind: "module";
  readonly name: string;
}
export interface ReachEvent extends Seen {
  /** One process reached into another, or changed whose rights it has. */
  readonly kind: "ptrace" | "credentials";
  readonly target: number;
  readonly targetStarted: number;
  readonly request: number;
}
export interface MemfdEvent extends Seen {
  readonly kind: "memfd";
  readonly memfdFlags: number;
  readonly name: string;
}
export interface BpfEvent extends Seen {
  readonly kind: "bpf";
  readonly command: number;
  readonly programType: number;
}
export interface MountEvent extends Seen {
  readonly kind: "mount";
  readonly device: number;
  readonly change: "mount" | "umount" | "namespace";
  readonly path: string;
  readonly type: string;
}
export interface FileEvent extends Seen {
  readonly kind: "file";
  readonly file: FileStamp;
  readonly created: boolean;
  readonly written: boolean;
  readonly renamed: boolean;
  readonly deleted: boolean;
  readonly attributes: boolean;
  /** Of files that are watched for readers alone. */
  readonly opened: boolean;
  readonly isFolder: boolean;
  readonly path: string;
  /** Where it was renamed from. */
  readonly from: string | undefined;
}

/** Why the gate answered as it did. "late" to "unseen" are failures of ours, each with its own outcome in the policy; "changed": the kernel met other bytes than were answered for. */
export const gateCauses = [
  "answer",
  "remembered",
  "digest",
  "core",
  "late",
  "overloaded",
  "unreadable",
  "agent-gone",
  "restarted",
  "unseen",
  "changed",
] as const;
export type GateCause = (typeof gateCauses)[number];

export const tamperKinds = [
  "signal",
  "ptrace",
  "write",
  "unlink",
  "mount",
  "bpf",
  "client",
  "unpinned",
  "mark",
] as const;
export type TamperKind = (typeof tamperKinds)[number];

/** Somebody wants to run a file that the sensor knows no answer for. */
export interface GateQuestion {
  readonly kind: "ask";
  readonly id: bigint;
  readonly time: number;
  readonly deadline: number;
  readonly who: ProcessStamp;
  readonly file: FileStamp;
  /** Undefined: it could not be read. */
  readonly digest: Sha256 | undefined;
  readonly access: Access;
  readonly flags: number;
  /** The program that last wrote the file, where that was seen. */
  readonly writer: { readonly file: FileStamp; readonly process: ProcessStamp; readonly path: string } | undefined;
  readonly written: number;
  readonly owner: number;
  readonly group: number;
  readonly mode: number;
  readonly path: string;
  /** The asking process's own program. */
  readonly executable: string;
}

/** What the gate did without asking, or after a deadline. */
export interface GateAnswered {
  readonly kind: "gate";
  readonly time: number;
  readonly who: ProcessStamp;
  readonly file: FileStamp;
  readonly digest: Sha256 | undefined;
  readonly access: Access;
  readonly flags: number;
  readonly cause: GateCause;
  readonly allowed: boolean;
  readonly path: string;
  readonly executable: string;
  readonly count: number;
}

export interface Tampering {
  readonly kind: "tamper";
  readonly time: number;
  readonly who: ProcessStamp;
  readonly what: TamperKind;
  readonly detail: number;
  readonly target: number;
  /** The kernel refused it; else it was only seen. */
  readonly refused: boolean;
  readonly path: string;
}

export interface EventsLost {
  readonly kind: "lost";
  readonly time: number;
  readonly count: number;
  /** The record's type; 0: of several kinds. */
  readonly type: number;
  readonly where: "kernel ring" | "socket buffer" | "fanotify queue" | "full table";
}

export interface SensorHello {
  readonly kind: "hello";
  readonly version: number;
  readonly tier: Tier;
  readonly parts: number;
  readonly pid: number;
  /** Nanoseconds to add to times since boot. */
  readonly bootToUnix: number;
  readonly remembered: number;
  readonly release: string;
  /** A line for each part that is not there. */
  readonly missing: readonly string[];
}

/** Counters since the sensor's start. */
export interface SensorStatus {
  readonly kind: "status";
  readonly time: number;
  readonly mode: GateMode;
  readonly tier: Tier;
  readonly asked: number;
  readonly hits: number;
  readonly hashed: number;
  readonly hashedBytes: number;
  readonly agentAsked: number;
  readonly allowed: number;
  readonly denied: number;
  readonly late: number;
  readonly overloaded: number;
  readonly unreadable: number;
  readonly agentGone: number;
  readonly killed: number;
  readonly events: number;
  readonly delivered: number;
  readonly lost: number;
  readonly remembered: number;
  readonly marked: number;
  readonly slowestNs: number;
}

export type SensorRecord =
  | SensorHello
  | SensorStatus
  | EventsLost
  | Tampering
  | GateQuestion
  | GateAnswered
  | { readonly kind: "refused"; readonly why: string }
  | SensorEvent;
