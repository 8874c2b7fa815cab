/**
 * JSON from strangers. RFC 8259 4 leaves duplicate names open and parsers disagree about them, so one document can mean two
 * things to two verifiers: here it is refused. Size and depth are bounded before anything is built.
 */
export function parseStrictJson(source: Uint8Array | string, limits: JsonLimits = jsonLimits): StrictJson {
  if (source.length > limits.bytes) return refused(`it is larger than ${limits.bytes} bytes`);
  const text = typeof source === "string" ? source : utf8(source);
  if (text === undefined) return refused("it is not UTF-8");
  const shape = scan(text, limits);
  if (typeof shape === "string") return refused(shape);
  const value = parsed(text);
  if (value === undefined) return refused("it is not JSON");
  if (members(value.json) !== shape.names) return refused("an object has the same name twice");
  return { ok: true, value: value.json };
}

export type StrictJson = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly why: string };

export interface JsonLimits {
  readonly bytes: number;
  readonly depth: number;
}
/** The largest attestation seen in the field is a 5 MB SBOM. */
export const jsonLimits: JsonLimits = { bytes: 16 * 1024 * 1024, depth: 64 };

const refused = (why: string): StrictJson => ({ ok: false, why });
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * One pass outside the strings: depth, and how many names the text writes. Every member has exactly one colon outside a string,
 * and JSON.parse keeps one member per distinct name (escapes resolved), so the two counts differ when a name came twice.
 */
function scan(text: string, limits: JsonLimits): { readonly names: number } | string {
  let names = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = stringEnd(text, at);
      if (at < 0) return "a string has no end";
    } else if (code === colon) names += 1;
    else if (code === openBrace || code === openBracket) {
      depth += 1;
      if (depth > limits.depth) return `it is nested deeper than ${limits.depth}`;
    } else if (code === closeBrace || code === closeBracket) depth -= 1;
  }
  return { names };
}

const [quote, colon, openBrace, closeBrace, openBracket, closeBracket, backslash] = [
  0x22, 0x3a, 0x7b, 0x7d, 0x5b, 0x5d, 0x5c,
];

function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0 && escapes(text, end) % 2 === 1) end = text.indexOf('"', end + 1);
  return end;
}

function escapes(text: string, end: number): number {
  let at = end - 1;
  while (text.charCodeAt(at) === backslash) at -= 1;
  return end - 1 - at;
}

function parsed(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function members(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) for (const item of value) count += members(item);
  else for (const item of Object.values(value)) count += 1 + members(item);
  return count;
}
