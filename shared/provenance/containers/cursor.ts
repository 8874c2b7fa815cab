import { unreadable } from "../refusal.ts";
import type { Pieces } from "./archive.ts";

/** Reads a stream forward in exact lengths. A stream that ends too early is refused as truncated. */
export interface Cursor {
  readonly position: number;
  exactly(length: number): Promise<Uint8Array>;
  /** Up to `length` bytes, left where they are. */
  peek(length: number): Promise<Uint8Array>;
  /** The next `length` bytes piece by piece; to be read to their end before anything else is asked. */
  body(length: number): Pieces;
  rest(): Pieces;
  /** Nothing more will be asked: the stream may let go of what it holds open. */
  close(): Promise<void>;
}

export function cursorOver(pieces: Pieces): Cursor {
  const source = pieces[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array(0);
  let position = 0;

  /** At least one byte in `held`, or the end. */
  async function filled(): Promise<boolean> {
    while (held.length === 0) {
      const next = await source.next();
      if (next.done === true) return false;
      held = next.value;
    }
    return true;
  }

  function taken(length: number): Uint8Array {
    const piece = held.subarray(0, length);
    held = held.subarray(piece.length);
    position += piece.length;
    return piece;
  }

  return {
    get position() {
      return position;
    },
    async exactly(length) {
      if (held.length >= length) return taken(length);
      const whole = new Uint8Array(length);
      for (let at = 0; at < length;) {
        if (!(await filled())) throw truncated(position);
        const piece = taken(length - at);
        whole.set(piece, at);
        at += piece.length;
      }
      return whole;
    },
    async peek(length) {
      while (held.length < length) {
        const next = await source.next();
        if (next.done === true) break;
        held = joined([held, next.value]);
      }
      return held.subarray(0, length);
    },
    async *body(length) {
      for (let left = length; left > 0;) {
        if (!(await filled())) throw truncated(position);
        const piece = taken(left);
        left -= piece.length;
        yield piece;
      }
    },
    async *rest() {
      while (await filled()) yield taken(held.length);
    },
    async close() {
      await source.return?.();
    },
  };
}

const truncated = (position: number) => unreadable(`it is cut short: it ends after ${position} bytes`);

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
