import { unreadable, unsupported } from "../refusal.ts";
import { unreachable } from "../../lib/unreachable.ts";
import type { Pieces } from "./archive.ts";
import { gunzipped, isGzip } from "./gzip.ts";
import type { Decompress, Listing, OuterPacking, Packing } from "./options.ts";

/** What comes out of a packed stream, each piece counted against the bounds before anybody sees it. */
export async function* unpacked(packing: Packing, pieces: Pieces, reading: Listing): Pieces {
  for await (const piece of by(packing, pieces, reading)) {
    reading.options.signal.throwIfAborted();
    if (packing !== "none") reading.unpacked(piece.length);
    yield piece;
  }
}

function by(packing: Packing, pieces: Pieces, { options }: Listing): Pieces {
  switch (packing) {
    case "none":
      return pieces;
    case "gzip":
      return gunzipped(pieces);
    case "xz":
    case "zstd":
    case "bzip2":
    case "lzma": {
      const decompress = options.decompressors[packing];
      if (decompress === undefined) throw unsupported(`it is packed with ${packing}, which cannot be unpacked here`);
      return wholly(decompress, pieces, options.signal);
    }
    default:
      return unreachable(packing);
  }
}

/** A decompressor that stops before its input does would leave bytes unread behind what is proven. */
async function* wholly(decompress: Decompress, pieces: Pieces, signal: AbortSignal): Pieces {
  let drawn = false;
  async function* watched(): Pieces {
    yield* pieces;
    drawn = true;
  }
  yield* decompress(watched(), signal);
  if (!drawn) throw unreadable("bytes follow the end of the packed data");
}

/** By the mark at its beginning; .lzma has none. */
export function packingOf(head: Uint8Array): Exclude<Packing, "lzma" | "none"> | undefined {
  if (isGzip(head)) return "gzip";
  return marks.find(([, mark]) => mark.every((byte, at) => head[at] === byte))?.[0];
}

const marks: readonly (readonly [Exclude<OuterPacking, "lzma">, readonly number[]])[] = [
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];

/** A decompressor at the edge says with this what is wrong with the bytes, and with `missingTool` that it could not try. */
export const damaged = (packing: OuterPacking, why: string) => unreadable(`damaged ${packing} data: ${why}`);
export const missingTool = (packing: OuterPacking, why: string) => unsupported(`${packing} cannot be unpacked: ${why}`);
