import { Gunzip } from "fflate";
import { unreadable } from "../refusal.ts";

/** Takes bytes that are valid only during the call. */
export type TakeBytes = (piece: Uint8Array) => void;

export interface Inflater {
  push(piece: Uint8Array): void;
  /** Refuses a stream that did not end exactly where its bytes end. */
  end(): void;
}

/**
 * RFC 1951. fflate inflates but does not say where a stream ended, except between the members of a gzip file: so the stream is
 * given a gzip header, and at its end the header of a next member, which fflate must find at that very byte.
 */
export function inflater(take: TakeBytes): Inflater {
  let next: number | undefined;
  let fed = 0;
  const gunzip = new Gunzip((data) => {
    if (data.length > 0) take(data);
  });
  gunzip.onmember = (at) => {
    next ??= at;
  };
  const feed = (bytes: Uint8Array): void => {
    fed += bytes.length;
    gunzip.push(bytes);
  };
  feed(header);
  return {
    push(piece) {
      // In small steps: one byte may become a thousand, and what comes out of a step is held at once.
      for (let at = 0; at < piece.length; at += step) guarded(() => feed(piece.subarray(at, at + step)));
    },
    end() {
      const end = fed + trailer.length;
      guarded(() => gunzip.push(trailer));
      guarded(() => gunzip.push(header));
      if (next !== end) throw unreadable("a deflate stream does not end where its bytes end");
    },
  };
}

// RFC 1952 2.3: magic, deflate, no flags, no time, no hint, unknown system. fflate does not look at the checksum and size behind a member.
const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
const trailer = new Uint8Array(8);
const step = 16 * 1024;

/** fflate throws errors with a code; what a taker throws passes through. */
function guarded(run: () => void): void {
  try {
    run();
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && typeof cause.code === "number")
      throw unreadable(`a damaged deflate stream: ${cause.message}`);
    throw cause;
  }
}
