import { deflateSync } from "fflate";
import { crc32 } from "../../shared/provenance/containers/crc32.ts";

/** What one entry of a forged zip says of itself, in its local header, in the directory, or differently in both. */
export interface ForgedEntry {
  readonly name: string | Uint8Array;
  readonly data?: string | Uint8Array;
  readonly stored?: boolean;
  readonly flags?: number;
  /** Unix mode with its type bits; the host is Unix then. */
  readonly mode?: number;
  /** Bytes of the deflate stream, instead of those of `data`. */
  readonly packed?: Uint8Array;
  /** Fields of the local header that say something else than the directory. */
  readonly local?: Partial<Header>;
  readonly line?: Partial<Header>;
  /** A data descriptor behind the data: its four numbers, or "plain" for true ones. */
  readonly descriptor?: Uint8Array;
  /** Bytes between this entry's data and the next header. */
  readonly gap?: Uint8Array;
}

interface Header {
  readonly name: Uint8Array;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  readonly extra: Uint8Array;
  readonly offset: number;
}

export interface ForgedEnd {
  readonly entries?: number;
  readonly directoryOffset?: number;
  readonly directorySize?: number;
  readonly disk?: number;
  readonly comment?: Uint8Array;
  readonly commentLength?: number;
  /** Records between directory and end: a zip64 end record and its locator. */
  readonly before?: (directoryEnd: number) => Uint8Array;
  readonly after?: Uint8Array;
}

/** A zip archive as APPNOTE says, except where the caller lies. */
export function forgeZip(entries: readonly ForgedEntry[], end: ForgedEnd = {}): Uint8Array {
  const parts: Uint8Array[] = [];
  const lines: Uint8Array[] = [];
  let at = 0;
  const put = (bytes: Uint8Array): void => {
    parts.push(bytes);
    at += bytes.length;
  };
  for (const entry of entries) {
    const data = bytesOf(entry.data ?? "");
    const packed = entry.packed ?? (entry.stored === true ? data : deflateSync(data));
    const truth: Header = {
      name: bytesOf(entry.name),
      flags: entry.flags ?? 0,
      method: entry.stored === true ? 0 : 8,
      crc: crc32(data),
      packedSize: packed.length,
      size: data.length,
      extra: new Uint8Array(0),
      offset: at,
    };
    const line = { ...truth, ...entry.line };
    const local = { ...truth, ...entry.local };
    lines.push(
      pack(
        0x02014b50,
        [entry.mode === undefined ? 20 : 0x0314, 20, line.flags, line.method, 0, 0],
        [line.crc, line.packedSize, line.size],
        [line.name.length, line.extra.length, 0, 0, 0],
        [(entry.mode ?? 0) * 0x10000, line.offset],
      ),
      line.name,
      line.extra,
    );
    put(
      pack(
        0x04034b50,
        [20, local.flags, local.method, 0, 0],
        [local.crc, local.packedSize, local.size],
        [local.name.length, local.extra.length],
        [],
      ),
    );
    for (const bytes of [local.name, local.extra, packed, entry.descriptor, entry.gap])
      if (bytes !== undefined) put(bytes);
  }
  const directoryOffset = at;
  for (const bytes of lines) put(bytes);
  const directorySize = at - directoryOffset;
  if (end.before !== undefined) put(end.before(at));
  const count = end.entries ?? entries.length;
  const comment = end.comment ?? new Uint8Array(0);
  const disk = end.disk ?? 0;
  put(
    pack(
      0x06054b50,
      [disk, disk, count, count],
      [end.directorySize ?? directorySize, end.directoryOffset ?? directoryOffset],
      [end.commentLength ?? comment.length],
      [],
    ),
  );
  put(comment);
  if (end.after !== undefined) put(end.after);
  return concat(parts);
}

export const bytesOf = (value: string | Uint8Array): Uint8Array =>
  typeof value === "string" ? new TextEncoder().encode(value) : value;

export const u16 = (...values: readonly number[]): Uint8Array =>
  Uint8Array.from(values.flatMap((value) => [value & 0xff, (value >>> 8) & 0xff]));
export const u32 = (...values: readonly number[]): Uint8Array =>
  Uint8Array.from(values.flatMap((value) => [0, 8, 16, 24].map((shift) => Math.floor(value / 2 ** shift) % 256)));
export const u64 = (...values: readonly number[]): Uint8Array =>
  concat(values.map((value) => u32(value % 2 ** 32, Math.floor(value / 2 ** 32))));

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

const pack = (
  signature: number,
  first: readonly number[],
  longs: readonly number[],
  then: readonly number[],
  last: readonly number[],
): Uint8Array => concat([u32(signature), u16(...first), u32(...longs), u16(...then), u32(...last)]);
