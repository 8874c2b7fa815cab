/** Bytes of a drawer that are shown; the whole is a download away. */
export const shownLimit = 256 * 1024;

export interface EvidenceText {
  readonly form: "text" | "hexadecimal";
  readonly text: string;
  /** Bytes left out. */
  readonly hidden: number;
}

/** Evidence as a person can read it: text where it is text, else sixteen bytes a line. It is never rendered. */
export function evidenceText(bytes: Uint8Array): EvidenceText {
  const text = decoded(bytes.subarray(0, shownLimit), bytes.length > shownLimit);
  if (text !== undefined) return { form: "text", text, hidden: Math.max(0, bytes.length - shownLimit) };
  const part = bytes.subarray(0, dumpLimit);
  return { form: "hexadecimal", text: dump(part), hidden: bytes.length - part.length };
}

/** Undefined where the browser offers no digest (a page that is not a secure context). */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  // Typed as always there, absent on plain HTTP beyond loopback.
  const subtle = crypto.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) return undefined;
  return hex(new Uint8Array(await subtle.digest("SHA-256", bytes)));
}

const dumpLimit = 8 * 1024;

function decoded(bytes: Uint8Array, cut: boolean): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: cut });
    return /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/.test(text)
      ? undefined
      : pretty(text, cut).replace(hiding, escaped);
  } catch {
    return undefined;
  }
}

/** One long line of JSON is spread out; anything else stays byte for byte. */
function pretty(text: string, cut: boolean): string {
  const start = text.trimStart()[0];
  if (cut || (start !== "{" && start !== "[") || text.trim().includes("\n")) return text;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

// ESC, DEL, C1 and the Unicode controls that reorder or hide text: a reviewer must see them.
const hiding = /[\u001b\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

function dump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const line = bytes.subarray(at, at + 16);
    const print = [...line].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCodePoint(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${[...line].map(twoDigits).join(" ").padEnd(47)}  ${print}`);
  }
  return lines.join("\n");
}

const twoDigits = (byte: number): string => byte.toString(16).padStart(2, "0");
const hex = (bytes: Uint8Array): string => [...bytes].map(twoDigits).join("");
