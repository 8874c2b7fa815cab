/** A pattern's words. Keywords are written in capitals; a name is a keyword nowhere. */
import { PatternFault } from "./pattern.ts";
import { readTime } from "./time.ts";

export type Token = { readonly at: number } & (
  | { readonly kind: "word" | "sign" | "text" | "hex" | "base64" | "time"; readonly text: string }
  | { readonly kind: "number"; readonly text: string; readonly value: number }
);

export const mostCharacters = 262_144;

const token =
  /\s+|(?<number>[+-]?(?:\d+\.\d*|\.\d+|\d+))|(?<prefix>[thb])?'(?<text>(?:[^'\\]|\\['\\])*)'|(?<word>[A-Za-z_][A-Za-z0-9_-]*)|(?<sign><=|>=|!=|<>|==|[=<>[\]().,:*])/y;

export function readTokens(pattern: string): readonly Token[] {
  if (pattern.length > mostCharacters)
    throw new PatternFault(`the pattern is longer than ${mostCharacters} characters`);
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at = token.lastIndex) {
    token.lastIndex = at;
    const groups = token.exec(pattern)?.groups;
    if (groups === undefined)
      throw new PatternFault(`at ${at}: nothing begins with ${JSON.stringify(pattern.slice(at, at + 10))}`);
    const { number, prefix, text, word, sign } = groups;
    if (number !== undefined) tokens.push({ kind: "number", at, text: number, value: Number(number) });
    else if (text !== undefined) tokens.push({ kind: kindOf(prefix), at, text: plain(text, prefix, at) });
    else if (word !== undefined) tokens.push({ kind: "word", at, text: word });
    else if (sign !== undefined) tokens.push({ kind: "sign", at, text: sign });
  }
  return tokens;
}

function kindOf(prefix: string | undefined): "text" | "hex" | "base64" | "time" {
  if (prefix === undefined) return "text";
  return prefix === "h" ? "hex" : prefix === "b" ? "base64" : "time";
}

/** Literals with a prefix are checked here: one that is none is a fault of the pattern, whatever it is compared with. */
function plain(text: string, prefix: string | undefined, at: number): string {
  if (prefix === "h" && !/^(?:[0-9a-fA-F]{2})*$/.test(text))
    throw new PatternFault(`at ${at}: h'' wants pairs of hexadecimal digits`);
  if (prefix === "b" && !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text))
    throw new PatternFault(`at ${at}: b'' wants base64`);
  if (prefix === "t" && readTime(text) === undefined)
    throw new PatternFault(`at ${at}: t'' wants a time such as 2026-11-26T03:30:00Z`);
  return text.replaceAll(/\\(['\\])/g, "$1");
}
