import type { GateCause, SensorRecord, SensorStatus } from "@provost/shared/model/event.ts";
import { gateCauses, tamperKinds } from "@provost/shared/model/event.ts";
import { accesses, gateModes } from "@provost/shared/model/gate.ts";
import { decodeEvent } from "./decode-event.ts";
import { headerSize, sizes, types } from "./layout.ts";
import { BadRecord, Reading, digestAt, fileAt, processAt } from "./reading.ts";

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
