/**
 * A Unix path is bytes; the wire, the store and the screen carry text. `pathText` keeps well-formed UTF-8 as it is and
 * writes every other byte, every control character and the backslash as `\xNN`, so that no two paths share a text,
 * nothing printed moves a terminal's cursor, and `pathBytes` gives the exact bytes back.
 */
export function pathText(bytes: Uint8Array): string {
  let text = "";
  for (const piece of wellFormed(bytes))
    text += typeof piece === "string" ? piece.replace(unsafe, escaped) : hex(piece);
  return text;
}

/** The inverse of `pathText`. Undefined when the text is not something `pathText` writes. */
export function pathBytes(text: string): Uint8Array | undefined {
  const out: number[] = [];
  const parts = text.split("\\");
  out.push(...encoder.encode(parts[0] ?? ""));
  for (const part of parts.slice(1)) {
    const byte = /^x([0-9a-f]{2})/.exec(part)?.[1];
    if (byte === undefined) return undefined;
    out.push(Number.parseInt(byte, 16), ...encoder.encode(part.slice(3)));
  }
  return Uint8Array.from(out);
}

/** For strings that are already UTF-8 text (argument vectors, names from documents): the same escapes. */
export function safeText(text: string): string {
  return text.replace(unsafe, escaped);
}

const encoder = new TextEncoder();
// C0, DEL, C1, backslash, and the Unicode controls that reorder or hide text on screen.
const unsafe = /[\u0000-\u001f\u007f-\u009f\\\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
const escaped = (character: string): string => [...encoder.encode(character)].map(hex).join("");
const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, "0")}`;

function* wellFormed(bytes: Uint8Array): Generator<string | number> {
  let start = 0;
  while (start < bytes.length) {
    const end = validUntil(bytes, start);
    if (end > start) yield decoder.decode(bytes.subarray(start, end));
    const stray = bytes[end];
    if (stray !== undefined) yield stray;
    start = end + 1;
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** RFC 3629 4: the longest run of well-formed UTF-8 from `start`. */
function validUntil(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length) {
    const size = sequenceLength(bytes, at);
    if (size === 0) return at;
    at += size;
  }
  return at;
}

function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const second = bytes[at + 1] ?? 0;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(second) ? 2 : 0;
  const third = bytes[at + 2] ?? 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const low = lead === 0xe0 ? 0xa0 : 0x80;
    const high = lead === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && tail(third) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const low = lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high && tail(third) && tail(bytes[at + 3] ?? 0) ? 4 : 0;
  }
  return 0;
}

const tail = (byte: number): boolean => byte >= 0x80 && byte <= 0xbf;
