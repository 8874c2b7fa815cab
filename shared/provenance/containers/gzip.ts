import { unreadable } from "../refusal.ts";
import type { Pieces } from "./archive.ts";
import { crc32 } from "./crc32.ts";
import { joined } from "./cursor.ts";
import { type Inflater, inflater, type TakeBytes } from "./inflate.ts";
import { littleEndian } from "./little-endian.ts";

/**
 * RFC 1952, one member that fills the file: a second one is read by some readers and not by others. The last eight bytes are held back, because only
 * the end of the file says that they are the checksum and the size.
 */
export function gunzipper(take: TakeBytes): Inflater {
  let held: Uint8Array = new Uint8Array(0);
  let [crc, size] = [0, 0];
  let headed = false;
  const inflate = inflater((piece) => {
    crc = crc32(piece, crc);
    size += piece.length;
    take(piece);
  });
  return {
    push(piece) {
      let bytes = held.length === 0 ? piece : joined([held, piece]);
      if (!headed) {
        const length = headerLength(bytes);
        if (length === undefined) {
          if (bytes.length > maxHeader) throw unreadable(`a gzip header of more than ${maxHeader} bytes`);
          held = Uint8Array.from(bytes);
          return;
        }
        headed = true;
        bytes = bytes.subarray(length);
      }
      const ready = Math.max(0, bytes.length - trailerLength);
      held = Uint8Array.from(bytes.subarray(ready));
      inflate.push(bytes.subarray(0, ready));
    },
    end() {
      if (!headed || held.length < trailerLength) throw unreadable("a gzip file that is cut short");
      inflate.end();
      const fields = littleEndian(held);
      if (fields.u32(0) !== crc || fields.u32(4) !== size % 2 ** 32)
        throw unreadable("damaged: the checksum or the size of a gzip file differs");
    },
  };
}

const trailerLength = 8;
const maxHeader = 128 * 1024;

/** 2.3: ten bytes, then what the flags announce. Undefined: more bytes are needed. */
function headerLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < 10) return undefined;
  const flags = bytes[3] ?? 0;
  if (!isGzip(bytes) || bytes[2] !== 8 || (flags & 0xe0) !== 0) throw unreadable("a malformed gzip header");
  let at = 10;
  if ((flags & 4) !== 0) {
    if (bytes.length < at + 2) return undefined;
    at += 2 + littleEndian(bytes).u16(at);
  }
  // A file name and a comment, each with its NUL.
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const end = bytes.indexOf(0, at);
    if (end === -1) return undefined;
    at = end + 1;
  }
  if ((flags & 2) !== 0) at += 2;
  return at <= bytes.length ? at : undefined;
}

export const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

/** The same for whoever draws. */
export async function* gunzipped(pieces: Pieces): Pieces {
  let out: Uint8Array[] = [];
  const reader = gunzipper((piece) => void out.push(piece));
  for await (const piece of pieces)
    for (let at = 0; at < piece.length; at += step) {
      reader.push(piece.subarray(at, at + step));
      yield* out;
      out = [];
    }
  reader.end();
  yield* out;
}

const step = 16 * 1024;
