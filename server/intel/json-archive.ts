import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { pathText } from "@provost/shared/lib/path-text.ts";
import type { Pieces, RandomAccess } from "@provost/shared/provenance/containers/archive.ts";
import { containers } from "@provost/shared/provenance/containers/index.ts";
import { containerLimits } from "@provost/shared/provenance/containers/limits.ts";
import type { FileBody, Listing } from "@provost/shared/provenance/containers/options.ts";

const bounds = { entryBytes: 4 * 1024 * 1024, unpackedBytes: 8 * 1024 ** 3, entries: 2_000_000 };

/**
 * Hands every JSON file of a zip or tar (also .gz) to `each`, one after the other: an archive of all records is half a gigabyte
 * unpacked. Throws where it is no such archive, is damaged or holds too much.
 */
export async function readJsonArchive(path: string, each: (value: unknown, name: string) => void): Promise<void> {
  const file = await open(path, "r");
  try {
    const source = await accessTo(file);
    const head = await source.read(0, 512);
    const container = containers.find((one) => one.recognises(head));
    if (container === undefined) throw new TypeError("this is no archive of a kind that is read");
    const found = listing(each);
    await (container.from === "stream"
      ? container.read(piecesOf(source), found)
      : container.read(source, piecesOf(source), found));
  } finally {
    await file.close();
  }
}

export const isArchiveName = (name: string): boolean => /\.(?:zip|tar|tgz|tar\.gz)$/i.test(name);

function listing(each: (value: unknown, name: string) => void): Listing {
  let unpacked = 0;
  let entries = 0;
  const count = (): void => {
    entries += 1;
    if (entries > bounds.entries) throw new RangeError(`more than ${bounds.entries} entries`);
  };
  return {
    options: {
      limits: { ...containerLimits, entries: bounds.entries, headerBytes: 512 * 1024 * 1024 },
      digests: [],
      keep: () => false,
      decompressors: {},
      signal: new AbortController().signal,
    },
    unpacked(bytes) {
      unpacked += bytes;
      if (unpacked > bounds.unpackedBytes)
        throw new RangeError(`it unpacks to more than ${bounds.unpackedBytes} bytes`);
    },
    file(path, { size }) {
      count();
      const name = pathText(path);
      return name.endsWith(".json") && size <= bounds.entryBytes ? kept((bytes) => each(jsonOr(bytes), name)) : ignored;
    },
    hardLink: count,
    symlink: count,
    folder: count,
    other: count,
  };
}

const ignored: FileBody = { take: () => undefined, close: () => undefined };

function kept(whole: (bytes: Uint8Array) => void): FileBody {
  const pieces: Uint8Array[] = [];
  return {
    take: (piece) => void pieces.push(Uint8Array.from(piece)),
    close: () => whole(Buffer.concat(pieces)),
  };
}

/** Undefined: it is no JSON. */
function jsonOr(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

async function accessTo(file: FileHandle): Promise<RandomAccess> {
  const { size } = await file.stat();
  return {
    size,
    async read(offset, length) {
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, offset);
      return bytes.subarray(0, bytesRead);
    },
  };
}

const pieceBytes = 256 * 1024;

async function* piecesOf(source: RandomAccess): Pieces {
  for (let at = 0; at < source.size;) {
    const piece = await source.read(at, pieceBytes);
    if (piece.length === 0) return;
    at += piece.length;
    yield piece;
  }
}
