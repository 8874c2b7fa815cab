/** What became of JSON from outside: its value, or why it was refused. */
export type JsonOutcome =
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "refused"; readonly why: string };

/** RFC 8259 with a bound on depth, checked before anything is built, so that nesting costs nothing. */
export function boundedJson(bytes: Uint8Array, maxDepth: number): JsonOutcome {
  const depth = depthOf(bytes, maxDepth);
  if (depth > maxDepth) return { kind: "refused", why: `JSON nested deeper than ${maxDepth}` };
  try {
    // RFC 8259 8.1: a parser may ignore a byte order mark; TextDecoder does.
    return { kind: "json", value: JSON.parse(strictUtf8.decode(bytes)) };
  } catch (error) {
    return { kind: "refused", why: error instanceof SyntaxError ? "not JSON" : "not UTF-8" };
  }
}

/** A JSON object's member, or undefined when the value is no object or inherits the name. */
export function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

export function textMember(value: unknown, name: string): string | undefined {
  const found = member(value, name);
  return typeof found === "string" ? found : undefined;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function depthOf(bytes: Uint8Array, stopAbove: number): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < bytes.length && deepest <= stopAbove; at += 1) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) deepest = Math.max(deepest, (depth += 1));
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
  }
  return deepest;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
