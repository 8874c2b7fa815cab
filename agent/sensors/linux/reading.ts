/** One record of the sensor: its fields by their place, and what several kinds of records have in common. */
import type { FileStamp, ProcessStamp } from "@provost/shared/model/event.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { pathText } from "@provost/shared/lib/path-text.ts";

/** Bytes that no sensor writes: whoever sent them is not to be read any further. */
export class BadRecord extends Error {}

/** The fields of one record, by their place, and the strings behind them one after another. */
export class Reading {
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
export function shown(bytes: Buffer): string {
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

export function digestAt(from: Reading, place: number): Sha256 | undefined {
  const hex = from.bytes(place, 32).toString("hex");
  return hex === noDigest ? undefined : (hex as Sha256);
}
const noDigest = "0".repeat(64);

export const fileAt = (from: Reading, place: number): FileStamp => ({
  inode: from.u64(place),
  changed: from.u64(place + 8),
  bytes: from.u64(place + 16),
  device: from.u32(place + 24),
  links: from.u32(place + 28),
});

export const processAt = (from: Reading, place: number): ProcessStamp => ({
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
