import { createHash } from "node:crypto";
import type { Sha256 } from "../../model/ids.ts";
import { asRefusal, unreadable, unsupported } from "../refusal.ts";
import type { ArchiveReading, Pieces, RandomAccess, Unread } from "./archive.ts";
import { cursorOver } from "./cursor.ts";
import { containers } from "./index.ts";
import { containerLimits } from "./limits.ts";
import { listing } from "./listing.ts";
import type { Container, Listing, ReadOptions } from "./options.ts";

/**
 * What lies in an archive. It is read once, from its beginning to its end; whatever a container looked up by position has to come by again, so that
 * digests of the archive and of its entries are of the same bytes. Nothing is written anywhere. The outcome is a value, whatever the bytes are.
 */
export async function readArchive(
  source: RandomAccess | Pieces,
  options: Partial<ReadOptions> & Pick<ReadOptions, "signal">,
): Promise<ArchiveReading> {
  const whole: ReadOptions = { ...defaults, ...options };
  try {
    return await readWhole(source, whole);
  } catch (cause) {
    return { ok: false, ...unread(cause, whole.signal) };
  }
}

const defaults: Omit<ReadOptions, "signal"> = {
  limits: containerLimits,
  digests: [],
  keep: () => false,
  decompressors: {},
};

async function readWhole(source: RandomAccess | Pieces, options: ReadOptions): Promise<ArchiveReading> {
  const [sha256, sha512] = [createHash("sha256"), createHash("sha512")];
  let size = 0;
  async function* counted(): Pieces {
    for await (const piece of untilStopped(isStream(source) ? source : piecesOf(source), options.signal)) {
      sha256.update(piece);
      sha512.update(piece);
      size += piece.length;
      yield piece;
    }
  }
  const cursor = cursorOver(counted());
  const found = listing(options, () => size);
  try {
    const container = recognise(await cursor.peek(headLength));
    await readBy(container, source, cursor.rest(), found);
    // The listing is of all bytes or of none.
    for await (const _ of cursor.rest()) throw unreadable("bytes follow the end of the archive");
    const entries = found.finish();
    const digests = { sha256: sha256.digest("hex") as Sha256, sha512: sha512.digest("hex") };
    return { ok: true, contents: { container: container.id, ...digests, size, entries } };
  } finally {
    await cursor.close();
  }
}

// A tar header, the largest mark of the five.
const headLength = 512;

function recognise(head: Uint8Array): Container {
  const container = containers.find((one) => one.recognises(head));
  if (container === undefined) throw unsupported("it is no archive of a kind that is read");
  return container;
}

function readBy(container: Container, source: RandomAccess | Pieces, pieces: Pieces, found: Listing): Promise<void> {
  if (container.from === "stream") return container.read(pieces, found);
  if (!isStream(source)) return container.read(source, pieces, found);
  throw unsupported(`a ${container.id} archive can only be read where any part of it can be reached, not as a stream`);
}

// Node's streams have a "read" as well.
const isStream = (source: RandomAccess | Pieces): source is Pieces => Symbol.asyncIterator in source;

const pieceLength = 256 * 1024;

async function* piecesOf(source: RandomAccess): Pieces {
  for (let at = 0; at < source.size;) {
    const piece = await source.read(at, Math.min(pieceLength, source.size - at));
    if (piece.length === 0) return;
    at += piece.length;
    yield piece;
  }
}

/** A source that gives nothing more must not keep its reader beyond the signal: it is let go, and not waited for. */
async function* untilStopped(pieces: Pieces, signal: AbortSignal): Pieces {
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(new Error("stopped"));
  stopped.promise.catch(() => undefined);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const source = pieces[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([stopped.promise, source.next()]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    source.return?.().catch(() => undefined);
  }
}

function unread(cause: unknown, signal: AbortSignal): Unread {
  if (signal.aborted) return { basis: "deadline", why: "reading the archive took too long or was stopped" };
  const { basis, message } = asRefusal(cause);
  return { basis: basis === "unsupported" ? "unsupported" : "unreadable", why: message };
}

/** Bytes that are in memory already. */
export const inMemory = (bytes: Uint8Array): RandomAccess => ({
  size: bytes.length,
  read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
});
