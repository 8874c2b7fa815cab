import { gateModes } from "@provost/shared/model/gate.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { headerSize, maxNotice, maxPath, types } from "./layout.ts";
import type { Answer, DigestAnswer, SensorSettings } from "../sensor.ts";

/** What the agent says to the sensor, as record.h has it. A text that is too long for its record is cut at a whole character. */
export function configRecord(settings: SensorSettings): Buffer {
  const bytes = record(types.config, 44);
  bytes.writeUInt32LE(gateModes.indexOf(settings.mode), 8);
  bytes.writeUInt32LE(Number(settings.libraries), 12);
  bytes.writeUInt32LE(settings.scripts === "strict" ? 1 : 0, 16);
  bytes.writeUInt32LE(Number(settings.syscalls), 20);
  bytes.writeUInt32LE(settings.deadlineMs, 24);
  bytes.writeUInt32LE(settings.agentGoneMs, 28);
  bytes.writeUInt32LE(settings.denyMs, 32);
  const { when } = settings;
  const outcomes = [when.late, when.overloaded, when.unreadable, when.agentGone, when.restarted, when.unseen];
  for (const [at, outcome] of outcomes.entries()) bytes.writeUInt8(outcomeCodes[outcome], 36 + at);
  bytes.writeUInt8(Number(settings.files), 42);
  bytes.writeUInt8(Number(settings.events), 43);
  return bytes;
}

const outcomeCodes = { open: 0, known: 1, closed: 2 } as const;
const rememberCodes = { none: 0, file: 1, digest: 2 } as const;
const answerKinds = { core: 1, verdict: 2, lineage: 3, exception: 4 } as const;
const pathKinds = { core: 1, "ran before": 5, interpreter: 6, own: 7, opened: 8, "package manager": 9 } as const;
export type PathKind = keyof typeof pathKinds;

export function answerRecord(id: bigint, answer: Answer): Buffer {
  const notice = noticeBytes(answer.notice);
  const bytes = record(types.answer, 40, notice);
  bytes.writeBigUInt64LE(id, 8);
  bytes.writeUInt32LE(Number(answer.allow), 16);
  bytes.writeUInt32LE(rememberCodes[answer.remember], 20);
  bytes.writeUInt32LE(milliseconds(answer.forMs), 24);
  bytes.writeUInt32LE(answerKinds[answer.kind], 28);
  bytes.writeUInt16LE(notice.length, 32);
  return bytes;
}

export function digestRecord(digest: Sha256, answer: DigestAnswer): Buffer {
  const notice = noticeBytes(answer.notice);
  const bytes = record(types.digest, 56, notice);
  bytes.write(digest, 8, "hex");
  bytes.writeUInt32LE(Number(answer.allow), 40);
  bytes.writeUInt32LE(milliseconds(answer.forMs), 44);
  bytes.writeUInt32LE(answerKinds[answer.kind], 48);
  bytes.writeUInt16LE(notice.length, 52);
  return bytes;
}

/** Undefined: the kernel knows no path so long. */
export function pathRecord(kind: PathKind, path: Uint8Array): Buffer | undefined {
  if (path.length === 0 || path.length > maxPath) return undefined;
  const bytes = record(types.path, 16, path);
  bytes.writeUInt32LE(pathKinds[kind], 8);
  bytes.writeUInt16LE(path.length, 12);
  return bytes;
}

/** Undefined digest: everything. */
export function forgetRecord(digest: Sha256 | undefined): Buffer {
  const bytes = record(types.forget, 48);
  if (digest === undefined) bytes.writeUInt32LE(1, 40);
  else bytes.write(digest, 8, "hex");
  return bytes;
}

export function pulseRecord(time: bigint): Buffer {
  const bytes = record(types.pulse, 16);
  bytes.writeBigUInt64LE(time, 8);
  return bytes;
}

export function guardRecord(pid: number, path: Uint8Array): Buffer | undefined {
  if (path.length > maxPath) return undefined;
  const bytes = record(types.guard, 16, path);
  bytes.writeUInt32LE(pid, 8);
  bytes.writeUInt16LE(path.length, 12);
  return bytes;
}

export function stopRecord(leaveOpen: boolean): Buffer {
  const bytes = record(types.stop, 16);
  bytes.writeUInt32LE(Number(leaveOpen), 8);
  return bytes;
}

function record(type: number, fixed: number, tail: Uint8Array = nothing): Buffer {
  const bytes = Buffer.alloc(Math.max(fixed, headerSize) + tail.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(fixed, 6);
  bytes.set(tail, fixed);
  return bytes;
}

const nothing = new Uint8Array();

/** The field has 32 bits: the longest it can say is 49 days. */
const milliseconds = (time: number): number => Math.min(Math.max(0, Math.round(time)), 0xffff_ffff);

function noticeBytes(text: string | undefined): Uint8Array {
  if (text === undefined) return nothing;
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= maxNotice) return bytes;
  let end = maxNotice;
  // A byte 10xxxxxx goes on with a character that began before.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}
