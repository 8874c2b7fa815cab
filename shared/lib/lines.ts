import { pathText, safeText } from "./path-text.ts";

/** One line of a file that may be anything. `long`: over the bound, its bytes were dropped. `cut`: the last one, without a newline. */
export interface BoundedLine {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly long: boolean;
  readonly cut: boolean;
}

/** Lines of a stream of chunks, keeping at most `maxBytes` of any one. Bytes are valid until the next line is taken. */
export function* boundedLines(chunks: Iterable<Uint8Array>, maxBytes: number): Generator<BoundedLine> {
  let held: Uint8Array = NOTHING;
  let long = false;
  let number = 1;
  for (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end);
      long ||= held.length + piece.length > maxBytes;
      yield { number, bytes: long ? NOTHING : joined(held, piece), long, cut: false };
      held = NOTHING;
      long = false;
      number += 1;
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    long ||= held.length + rest.length > maxBytes;
    // Copied: the chunk's buffer may be used again, and a Buffer's slice() would only be a view of it.
    held = long ? NOTHING : joined(held, Uint8Array.from(rest));
  }
  if (long || held.length > 0) yield { number, bytes: held, long, cut: true };
}

/**
 * The lines of a whole file as path text, fast when every byte is plain. A line with a NUL or another control character
 * comes escaped, as `pathText` writes it, so it is equal to no plain name.
 */
export function pathLines(bytes: Uint8Array): readonly string[] {
  const text = lenient.decode(bytes);
  const whole = suspicious.test(text) ? escapedLines(bytes) : text.split("\n");
  return whole.at(-1) === "" ? whole.slice(0, -1) : whole;
}

/** The same lines, never more than a block of them at a time: lists of packages have megabytes. */
export function* eachPathLine(bytes: Uint8Array): Generator<string> {
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start + blockBytes);
    const end = newline === -1 ? bytes.length : newline + 1;
    yield* pathLines(bytes.subarray(start, end));
    start = end;
  }
}

/** A copy: V8 keeps the whole text that a line was cut from for as long as the line. */
export const ownText = (line: string): string => lenient.decode(encoder.encode(line));

/** One line as path text: `pathText`, fast when every byte is plain. */
export function pathLine(bytes: Uint8Array): string {
  const text = lenient.decode(bytes);
  if (!suspicious.test(text)) return text;
  return text.includes("\ufffd") ? pathText(bytes) : safeText(text);
}

const NEWLINE = 0x0a;
const NOTHING = new Uint8Array(0);
const blockBytes = 64 * 1024;
const encoder = new TextEncoder();
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
// Every character that pathText would not write as it is, and U+FFFD, which stands for bytes that are not UTF-8.
const suspicious = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\\\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd]/u;

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  if (head.length === 0) return tail;
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

function escapedLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let start = 0; start <= bytes.length;) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found === -1 ? bytes.length : found;
    lines.push(pathLine(bytes.subarray(start, end)));
    start = end + 1;
  }
  return lines;
}
