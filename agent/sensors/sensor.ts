import type {
  EventsLost,
  GateAnswered,
  GateQuestion,
  SensorEvent,
  SensorHello,
  SensorStatus,
  Tampering,
} from "@provost/shared/model/event.ts";
import type { GateMode } from "@provost/shared/model/gate.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { Outcomes } from "@provost/shared/policy/gate.ts";

/** What the sensor is told to do; the first thing an agent says. */
export interface SensorSettings {
  /** What is sealed away as well is no other refusal to the kernel. */
  readonly mode: Exclude<GateMode, "quarantine">;
  readonly libraries: boolean;
  readonly scripts: "executed" | "strict";
  readonly syscalls: boolean;
  readonly files: boolean;
  readonly events: boolean;
  readonly deadlineMs: number;
  readonly agentGoneMs: number;
  readonly denyMs: number;
  readonly when: Outcomes;
}

export interface DigestAnswer {
  readonly allow: boolean;
  /** 0: until the file changes. */
  readonly forMs: number;
  readonly kind: "core" | "verdict" | "lineage" | "exception";
  /** For the asker's terminal. */
  readonly notice?: string;
}

export interface Answer extends DigestAnswer {
  /** Of this file alone, or of its bytes wherever they lie. */
  readonly remember: "none" | "file" | "digest";
}

/** Events in the order they came. Only good until the call that was given it returns. */
export interface EventBatch extends Iterable<SensorEvent> {
  readonly length: number;
  /** Just what a table of processes needs, a few times cheaper than decoding everything. */
  processes(reader: ProcessReader): void;
}

export interface ProcessReader {
  /** `words`: the arguments as Latin-1, NUL between them; only the first thousand bytes. `inode`: its program's. */
  exec(pid: number, started: number, parent: number, path: string, words: string, inode: number): void;
  fork(child: number, childStarted: number, parent: number): void;
  exit(pid: number, started: number): void;
}

/** What whoever opens a sensor is told. Each is called from the sensor's own reading; none may wait. */
export interface SensorListener {
  /** A connection begins: answer with settings. */
  hello(hello: SensorHello): SensorSettings;
  /** The settings are on their way: what else the sensor is to know can be said now. */
  ready(): void;
  asked(question: GateQuestion): void;
  gate(answered: GateAnswered): void;
  events(events: EventBatch): void;
  status(status: SensorStatus): void;
  lost(lost: EventsLost): void;
  tampered(tampering: Tampering): void;
  /** The connection ended. It is tried again by itself; `hello` says when that succeeded. */
  gone(why: string): void;
}

/** The port to whatever watches a device. Everything said while no sensor listens is dropped: `hello` begins anew. */
export interface Sensor {
  configure(settings: SensorSettings): void;
  answer(id: bigint, answer: Answer): void;
  digest(digest: Sha256, answer: DigestAnswer): void;
  /**
   * Hash this file now and remember it. Path text. `package manager`: of the core, and what it puts where the core lies is core. `own`: it is allowed, because the agent waits for what it starts. `opened`: nothing
   * is hashed; it is told when this file, or a file in this folder, is opened.
   */
  path(kind: "core" | "package manager" | "ran before" | "interpreter" | "own" | "opened", path: string): void;
  /** Drops what is remembered of a digest; of all, where none is given. */
  forget(digest?: Sha256): void;
  guard(what: { readonly pid: number } | { readonly path: string }): void;
  /** Leave in order. `leaveOpen`: nothing is enforced behind it. */
  stop(leaveOpen: boolean): void;
  close(): void;
}
