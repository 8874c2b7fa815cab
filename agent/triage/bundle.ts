import { gzipSync } from "node:zlib";
import type { ProcessKey } from "@provost/shared/model/detection.ts";
import { limits } from "@provost/shared/protocol/limits.ts";

/** What a device tells of itself when it is asked to: one JSON document. Names are as path-text.ts writes them; no file's content. */
export interface TriageBundle {
  readonly format: "provost-triage/1";
  readonly command: string;
  readonly device: string;
  readonly agentVersion: string;
  /** Milliseconds since 1970, and how long the look took. */
  readonly at: number;
  readonly tookMs: number;
  /** The process that was asked about. `runs`: it is still the same one. */
  readonly about?: ProcessKey & { readonly executable?: string; readonly runs: boolean };
  readonly host: Readonly<Record<string, string>>;
  /** Every process; those that were asked about, with what they have open. */
  readonly processes: readonly TriageProcess[];
  readonly sockets: readonly TriageSocket[];
  /** Lines of /proc/self/mountinfo. */
  readonly mounts: readonly string[];
  readonly users: readonly TriageUser[];
  /** Lines of /proc/modules. */
  readonly modules: readonly string[];
  /** Units and cron entries, the newest first. */
  readonly schedules: readonly TriageFile[];
  readonly digests: readonly TriageDigest[];
  /** What the agent itself knows and has not yet told. */
  readonly agent: Readonly<Record<string, unknown>>;
  readonly events: readonly unknown[];
  readonly audit: readonly unknown[];
  /** What could not be seen, or was left out so that the bundle stays small. */
  readonly left: readonly Left[];
}

export interface TriageProcess extends ProcessKey {
  readonly parent: number;
  readonly name: string;
  readonly uid: number;
  readonly executable?: string;
  readonly arguments: readonly string[];
  /** Of those that were asked about. */
  readonly detail?: {
    readonly cwd?: string;
    readonly root?: string;
    readonly cgroup: string;
    /** Who signed in before this process began; undefined: nobody did. */
    readonly loginUid?: number;
    /** Names only: values hold secrets. */
    readonly environment: readonly string[];
    readonly files: readonly { readonly fd: number; readonly path: string }[];
    /** Lines of /proc/PID/maps that have a file or may be executed. */
    readonly maps: readonly string[];
  };
}

export interface TriageSocket {
  readonly protocol: string;
  readonly local: string;
  readonly remote: string;
  readonly state: string;
  readonly uid: number;
  /** Processes that hold it open, as far as this user may see. */
  readonly pids: readonly number[];
  /** Seen in the network namespace of this process, where it is not the agent's own. */
  readonly seenBy?: number;
}

export interface TriageUser {
  readonly user: string;
  readonly line: string;
  readonly from: string;
  readonly pid: number;
  readonly at: number;
}

export interface TriageFile {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly changedAt: number;
}

export interface TriageDigest {
  readonly path: string;
  readonly pids: readonly number[];
  readonly sha256?: string;
  readonly why?: string;
}

export interface Left {
  readonly what: string;
  readonly count: number;
  readonly why: string;
}

/** Beyond it the document is not even written: V8 would need several times as much. */
const plainBytes = 48 * 1024 * 1024;

/** gzip of the document. Where it is too large, the longest of its lists is halved until it is not, and `left` says so. */
export function packBundle(bundle: TriageBundle, most: number = limits.triageBytes): Buffer {
  let shown = bundle;
  for (;;) {
    const text = sizeOf(shown) > plainBytes ? undefined : JSON.stringify(shown);
    const packed = text === undefined ? undefined : gzipSync(text);
    if (packed !== undefined && packed.length <= most) return packed;
    const smaller = halved(shown);
    if (smaller === undefined) throw new RangeError(`the smallest bundle is larger than ${most} bytes`);
    shown = smaller;
  }
}

const lists = ["processes", "sockets", "mounts", "modules", "schedules", "digests", "events", "audit"] as const;
type ListName = (typeof lists)[number];

const sizeOf = (bundle: TriageBundle): number =>
  lists.reduce((sum, name) => sum + JSON.stringify(bundle[name]).length, 0);

function halved(bundle: TriageBundle): TriageBundle | undefined {
  const [name] = lists
    .map((one): readonly [ListName, number] => [one, JSON.stringify(bundle[one]).length])
    .toSorted(([, a], [, b]) => b - a)[0] ?? ["processes"];
  const list = bundle[name];
  if (list.length === 0) return undefined;
  const kept = list.slice(0, Math.floor(list.length / 2));
  const before = bundle.left.find(({ what, why }) => what === name && why === tooLarge)?.count ?? 0;
  return {
    ...bundle,
    [name]: kept,
    left: [
      ...bundle.left.filter(({ what, why }) => what !== name || why !== tooLarge),
      { what: name, count: before + list.length - kept.length, why: tooLarge },
    ],
  };
}

const tooLarge = "the bundle would be too large with them";
