import type {
  FileStamp,
  GateCause,
  ProcessStamp,
  SensorEvent,
  SensorRecord,
  SensorStatus,
} from "@provost/shared/model/event.ts";
import { gateCauses, tamperKinds } from "@provost/shared/model/event.ts";
import { accesses, gateModes } from "@provost/shared/model/gate.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { pathText } from "@provost/shared/lib/path-text.ts";
import type { Read, Word } from "../hand-on.ts";
import type { EventBatch, ProcessReader } from "../sensor.ts";
import { eventSize, headerSize, maxRecord, sizes, types } from "./layout.ts";

/** Bytes that no sensor writes: whoever sent them is not to be read any further. */
export class BadRecord extends Error {}

/**
 * Puts the records of a byte stream together. Holds at most one unfinished record, in one piece of memory that is used again: what it
 * gives is only good until its next reading.
 */
export class RecordReader {
  #held = Buffer.allocUnsafeSlow(2 * maxRecord);
  #used = 0;

  /** Every whole record so far, in order. Throws BadRecord; nothing after that can be trusted. */
  read(chunk: Buffer): Read {
    this.#take(chunk);
    const bytes = this.#held.subarray(0, this.#used);
    const words: Word[] = [];
    const events: number[] = [];
    let at = 0;
    while (bytes.length - at >= headerSize) {
      const size = sizeAt(bytes, at);
      if (bytes.length - at < size) break;
      const type = bytes[at + 4] ?? 0;
      if (type >= types.exec && type <= types.credentials) events.push(at);
      else {
        const word = decodeRecord(bytes, at, size);
        if (word !== undefined) words.push(word as Word);
      }
      at += size;
    }
    this.#rest = at;
    return { words, events: events.length === 0 ? undefined : new EventRecords(bytes, events) };
  }

  /** Whether the stream ended inside a record. */
  get isHalf(): boolean {
    return this.#used > this.#rest;
  }

  /** Where the unfinished record begins: moved to the front before the next reading, when what was given is not used any more. */
  #rest = 0;

  #take(chunk: Buffer): void {
    const left = this.#used - this.#rest;
    if (left + chunk.length > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(left + chunk.length);
      this.#held.copy(larger, 0, this.#rest, this.#used);
      this.#held = larger;
    } else this.#held.copyWithin(0, this.#rest, this.#used);
    chunk.copy(this.#held, left);
    this.#used = left + chunk.length;
    this.#rest = 0;
  }
}

/**
 * Events as they came, decoded when somebody reads them: without V8's compilers a whole decoding costs 7 us, and most readers want a
 * few fields of a few kinds. Only good until the call that was given it returns.
 */
class EventRecords implements EventBatch {
  readonly #bytes: Buffer;
  readonly #starts: readonly number[];

  constructor(bytes: Buffer, starts: readonly number[]) {
    this.#bytes = bytes;
    this.#starts = starts;
  }

  get length(): number {
    return this.#starts.length;
  }

  *[Symbol.iterator](): Generator<SensorEvent> {
    for (const start of this.#starts) {
      const event = decodeRecord(this.#bytes, start, this.#bytes.readUInt32LE(start));
      if (event !== undefined) yield event as SensorEvent;
    }
  }

  processes(reader: ProcessReader): void {
    const bytes = this.#bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (const start of this.#starts) {
      const type = view.getUint16(start + 4, true);
      if (type > types.exit) continue;
      const size = view.getUint32(start, true);
      if (view.getUint16(start + 6, true) < (sizes[type] ?? 0)) tellProcess(reader, decodeRecord(bytes, start, size));
      else if (type === types.exec) readExec(reader, bytes, view, start, start + size);
      else if (type === types.fork)
        reader.fork(view.getUint32(start + 104, true), wide(view, start + 112), view.getUint32(start + 32, true));
      else reader.exit(view.getUint32(start + 32, true), wide(view, start + 40));
    }
  }
}

const wide = (view: DataView, place: number): number =>
  view.getUint32(place, true) + view.getUint32(place + 4, true) * 0x1_0000_0000;

function readExec(reader: ProcessReader, bytes: Buffer, view: DataView, start: number, end: number): void {
  const path = start + 184;
  const pathEnd = path + view.getUint16(start + 172, true);
  const argumentsStart = pathEnd + view.getUint16(start + 174, true) + view.getUint16(start + 176, true);
  const argumentsEnd = argumentsStart + view.getUint16(start + 178, true);
  if (argumentsEnd > end) throw new BadRecord("a string reaches beyond its record");
  const words = argumentsEnd - (bytes[argumentsEnd - 1] === 0 ? 1 : 0);
  reader.exec(
    view.getUint32(start + 32, true),
    wide(view, start + 40),
    view.getUint32(start + 36, true),
    shown(bytes.subarray(path, pathEnd)),
    bytes.toString("latin1", argumentsStart, Math.min(words, argumentsStart + keptArguments)),
    wide(view, start + 104),
  );
}

/** Of each process's arguments; more is in the event itself. */
const keptArguments = 1024;

function tellProcess(reader: ProcessReader, event: SensorRecord | undefined): void {
  if (event?.kind === "exec") {
    const { pid, started, parent } = event.who;
    reader.exec(pid, started, parent, event.path, event.arguments.join("\0").slice(0, keptArguments), event.file.inode);
  } else if (event?.kind === "fork") reader.fork(event.child, event.childStarted, event.who.pid);
  else if (event?.kind === "exit") reader.exit(event.who.pid, event.who.started);
}

function sizeAt(bytes: Buffer, at: number): number {
  const size = bytes.readUInt32LE(at);
  if (size < headerSize || size > maxRecord)
    throw new BadRecord(`a record of ${size} bytes; ${headerSize} to ${maxRecord} are possible`);
  return size;
}

/** One whole record. Undefined: of a type this program does not know. */
export function decodeRecord(bytes: Buffer, at: number, size: number): SensorRecord | undefined {
  const type = bytes.readUInt16LE(at + 4);
  const fixed = bytes.readUInt16LE(at + 6);
  const known = sizes[type];
  if (fixed < headerSize || fixed > size)
    throw new BadRecord(`a record of type ${type} has ${fixed} bytes of fixed fields in ${size}`);
  if (known === undefined) return undefined;
  if (fixed >= known) return decode(type, new Reading(bytes, at, fixed, size));
  // An old sensor: fields it does not have count as 0.
  const padded = Buffer.alloc(known + size - fixed);
  bytes.copy(padded, 0, at, at + fixed);
  bytes.copy(padded, known, at + fixed, at + size);
  return decode(type, new Reading(padded, 0, known, padded.length));
}

/** The fields of one record, by their place, and the strings behind them one after another. */
class Reading {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #start: number;
  readonly #end: number;
  #next: number;

  constructor(bytes: Buffer, at: number, fixed: number, size: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset + at, size);
    this.#start = at;
    this.#next = at + fixed;
    this.#end = at + size;
  }

  u16(place: number): number {
    return this.#view.getUint16(place, true);
  }

  u32(place: number): number {
    return this.#view.getUint32(place, true);
  }

  u64(place: number): number {
    return this.#view.getUint32(place, true) + this.#view.getUint32(place + 4, true) * 0x1_0000_0000;
  }

  big(place: number): bigint {
    return this.#view.getBigUint64(place, true);
  }

  bytes(place: number, length: number): Buffer {
    return this.#bytes.subarray(this.#start + place, this.#start + place + length);
  }

  /** The next string; its length stands at `place`. */
  string(place: number): string {
    return shown(this.#take(this.u16(place)));
  }

  /** Strings that each end in `end`. */
  list(place: number, end: number): readonly string[] {
    const bytes = this.#take(this.u16(place));
    const found: string[] = [];
    for (let start = 0; start < bytes.length;) {
      const at = bytes.indexOf(end, start);
      const stop = at < 0 ? bytes.length : at;
      found.push(shown(bytes.subarray(start, stop)));
      start = stop + 1;
    }
    return found;
  }

  #take(length: number): Buffer {
    const start = this.#next;
    if (start + length > this.#end) throw new BadRecord("a string reaches beyond its record");
    this.#next = start + length;
    return this.#bytes.subarray(start, start + length);
  }
}

/** Nearly every name is plain ASCII: the general way costs ten times as much. */
function shown(bytes: Buffer): string {
  if (bytes.length === 0) return "";
  const text = bytes.toString("latin1");
  return plain.test(text) ? text : pathText(bytes);
}
const plain = /^[\x20-\x5b\x5d-\x7e]*$/;

/** A NUL-padded array of the kernel. */
function nameAt(from: Reading, place: number, length: number): string {
  const bytes = from.bytes(place, length);
  const end = bytes.indexOf(0);
  return shown(end < 0 ? bytes : bytes.subarray(0, end));
}

function decode(type: number, from: Reading): SensorRecord | undefined {
  if (type >= types.exec) return decodeEvent(type, from);
  switch (type) {
    case types.hello:
      return hello(from);
    case types.status:
      return status(from);
    case types.lost:
      return {
        kind: "lost",
        time: from.u64(8),
        count: from.u64(16),
        type: from.u32(24),
        where: lostWhere[from.u32(28)] ?? "full table",
      };
    case types.tamper:
      return {
        kind: "tamper",
        time: from.u64(8),
        who: processAt(from, 16),
        what: tamperKinds[from.u32(88) - 1] ?? "write",
        detail: from.u32(92),
        target: from.u32(96),
        refused: from.u32(100) === 1,
        path: from.string(104),
      };
    case types.ask:
      return ask(from);
    case types.gate:
      return {
        kind: "gate",
        time: from.u64(8),
        who: processAt(from, 16),
        file: fileAt(from, 88),
        digest: digestAt(from, 120),
        access: accesses[from.u32(152) - 1] ?? "exec",
        flags: from.u32(156),
        cause: cause(from.u32(160)),
        allowed: from.u32(164) === 1,
        count: from.u32(172),
        path: from.string(168),
        executable: from.string(170),
      };
    case types.refused:
      return { kind: "refused", why: from.string(8) };
    default:
      return undefined;
  }
}

/** enum pv_tier. */
const tiers = ["P", "C", "B", "A"] as const;
const lostWhere = ["full table", "kernel ring", "socket buffer", "fanotify queue", "full table"] as const;
/** A cause from a newer sensor is a failure that this program has no name for: the file was not asked about. */
const cause = (code: number): GateCause => gateCauses[code] ?? "unseen";

const hello = (from: Reading): SensorRecord => ({
  kind: "hello",
  version: from.u32(8),
  tier: tiers[from.u32(12)] ?? "P",
  parts: from.u32(16),
  pid: from.u32(20),
  bootToUnix: from.u64(24),
  remembered: from.u32(32),
  release: from.string(36),
  missing: from.list(38, newline),
});
const newline = 10;

const status = (from: Reading): SensorStatus => ({
  kind: "status",
  time: from.u64(8),
  mode: gateModes[from.u32(16)] ?? "off",
  tier: tiers[from.u32(20)] ?? "P",
  asked: from.u64(24),
  hits: from.u64(32),
  hashed: from.u64(40),
  hashedBytes: from.u64(48),
  agentAsked: from.u64(56),
  allowed: from.u64(64),
  denied: from.u64(72),
  late: from.u64(80),
  overloaded: from.u64(88),
  unreadable: from.u64(96),
  agentGone: from.u64(104),
  killed: from.u64(112),
  events: from.u64(120),
  delivered: from.u64(128),
  lost: from.u64(136),
  remembered: from.u64(144),
  marked: from.u64(152),
  slowestNs: from.u64(160),
});

function ask(from: Reading): SensorRecord {
  const writerFile = fileAt(from, 176);
  const path = from.string(300);
  const executable = from.string(302);
  const writer = from.string(304);
  return {
    kind: "ask",
    id: from.big(8),
    time: from.u64(16),
    deadline: from.u64(24),
    who: processAt(from, 32),
    file: fileAt(from, 104),
    digest: digestAt(from, 136),
    access: accesses[from.u32(168) - 1] ?? "exec",
    flags: from.u32(172),
    writer: writerFile.inode === 0 ? undefined : { file: writerFile, process: processAt(from, 208), path: writer },
    written: from.u64(280),
    owner: from.u32(288),
    group: from.u32(292),
    mode: from.u32(296),
    path,
    executable,
  };
}

function digestAt(from: Reading, place: number): Sha256 | undefined {
  const hex = from.bytes(place, 32).toString("hex");
  return hex === noDigest ? undefined : (hex as Sha256);
}
const noDigest = "0".repeat(64);

const fileAt = (from: Reading, place: number): FileStamp => ({
  inode: from.u64(place),
  changed: from.u64(place + 8),
  bytes: from.u64(place + 16),
  device: from.u32(place + 24),
  links: from.u32(place + 28),
});

const processAt = (from: Reading, place: number): ProcessStamp => ({
  pid: from.u32(place),
  parent: from.u32(place + 4),
  started: from.u64(place + 8),
  parentStarted: from.u64(place + 16),
  cgroup: from.u64(place + 24),
  user: from.u32(place + 32),
  group: from.u32(place + 36),
  loginUser: unlessNone(from.u32(place + 40)),
  session: unlessNone(from.u32(place + 44)),
  mountNamespace: from.u32(place + 48),
  pidNamespace: from.u32(place + 52),
  name: nameAt(from, place + 56, 16),
});
const unlessNone = (id: number): number | undefined => (id === 0xffff_ffff ? undefined : id);

function decodeEvent(type: number, from: Reading): SensorEvent | undefined {
  const time = from.u64(8);
  const sequence = from.u64(16);
  const cpu = from.u32(24);
  const flags = from.u32(28);
  const who = processAt(from, 32);
  const seen = { time, sequence, cpu, flags, who };
  const own = eventSize;
  switch (type) {
    case types.exec:
      return {
        ...seen,
        kind: "exec",
        file: fileAt(from, own),
        script: from.u64(own + 32) === 0 ? undefined : fileAt(from, own + 32),
        argumentCount: from.u32(168),
        path: from.string(172),
        called: from.string(174),
        directory: from.string(176),
        arguments: from.list(178, 0),
        cgroupName: from.string(180),
      };
    case types.fork:
      return { ...seen, kind: "fork", child: from.u32(own), childStarted: from.u64(own + 8) };
    case types.exit:
      return { ...seen, kind: "exit", waitStatus: from.u32(own), ranFor: from.u64(own + 8) };
    case types.connect:
    case types.listen:
      return { ...seen, kind: type === types.connect ? "connect" : "listen", ...socket(from) };
    case types.module:
      return { ...seen, kind: "module", name: from.string(own) };
    case types.ptrace:
    case types.credentials:
      return {
        ...seen,
        kind: type === types.ptrace ? "ptrace" : "credentials",
        target: from.u32(own),
        request: from.u32(own + 4),
        targetStarted: from.u64(own + 8),
      };
    case types.memfd:
      return { ...seen, kind: "memfd", memfdFlags: from.u32(own), name: from.string(own + 4) };
    case types.bpf:
      return { ...seen, kind: "bpf", command: from.u32(own), programType: from.u32(own + 4) };
    case types.mount:
      return {
        ...seen,
        kind: "mount",
        device: from.u32(own),
        change: mountChanges[from.u32(own + 4) - 1] ?? "mount",
        path: from.string(112),
        type: from.string(114),
      };
    case types.file:
      return { ...seen, kind: "file", ...fileChange(from) };
    default:
      return undefined;
  }
}

const mountChanges = ["mount", "umount", "namespace"] as const;

function fileChange(from: Reading) {
  const change = from.u32(136);
  const path = from.string(140);
  const old = from.string(142);
  return {
    file: fileAt(from, eventSize),
    created: (change & 1) !== 0,
    written: (change & 2) !== 0,
    renamed: (change & 4) !== 0,
    deleted: (change & 8) !== 0,
    attributes: (change & 16) !== 0,
    opened: (change & 64) !== 0,
    isFolder: (change & 32) !== 0,
    path,
    from: old === "" ? undefined : old,
  };
}

function socket(from: Reading) {
  const isIp4 = from.u16(eventSize) === 2;
  return {
    family: isIp4 ? ("ip4" as const) : ("ip6" as const),
    protocol: from.u16(106),
    localPort: from.u16(108),
    remotePort: from.u16(110),
    localAddress: address(from.bytes(112, 16), isIp4),
    remoteAddress: address(from.bytes(128, 16), isIp4),
  };
}

/** RFC 5952 without the shortening of zeros: eight groups, or four numbers. */
function address(bytes: Buffer, isIp4: boolean): string {
  if (isIp4) return [...bytes.subarray(0, 4)].join(".");
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((at) => bytes.readUInt16BE(at).toString(16));
  return groups.join(":");
}
