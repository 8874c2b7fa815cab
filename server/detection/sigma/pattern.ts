/** Texts with wildcards: read with their escapes, and matched in time bounded by text times pattern. */
export const many = 1;
export const one = 2;
export const dash = 3;
/** Plain text, any text (`*`), any character (`?`), or any character that introduces an option (`windash`). */
export type Piece = string | typeof many | typeof one | typeof dash;
export type Pattern = readonly Piece[];

export const dashes = "-/\u2013\u2014\u2015";

/** Sigma's escaping: a backslash escapes `*`, `?` and itself; before anything else it is a plain character. */
export function readPattern(text: string): Pattern {
  const pieces: Piece[] = [];
  let plain = "";
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    const next = text.charAt(at + 1);
    if (character === "\\" && (next === "*" || next === "?" || next === "\\")) {
      plain += next;
      at++;
    } else if (character === "*" || character === "?") {
      pieces.push(plain, character === "*" ? many : one);
      plain = "";
    } else plain += character;
  }
  return tidy([...pieces, plain]);
}

/** Neighbouring texts become one, empty ones go, and two stars are one. */
export function tidy(pieces: readonly Piece[]): Pattern {
  const done: Piece[] = [];
  for (const piece of pieces) {
    const last = done.at(-1);
    if (piece === "" || (piece === many && last === many)) continue;
    if (typeof piece === "string" && typeof last === "string") done[done.length - 1] = last + piece;
    else done.push(piece);
  }
  return done;
}

/** The text that the pattern stands for, where it stands for one alone. */
export function plainText(pattern: Pattern): string | undefined {
  if (pattern.length === 0) return "";
  const [only] = pattern;
  return pattern.length === 1 && typeof only === "string" ? only : undefined;
}

/** Case goes one character at a time: what `toLowerCase` does to a sigma depends on its neighbours, a search must not. */
export function fold(text: string): string {
  if (!/[^\u0000-\u007f]/.test(text)) return text.toLowerCase();
  let folded = "";
  for (const character of text) folded += character.toLowerCase();
  return folded;
}

export function foldPattern(pattern: Pattern): Pattern {
  return pattern.map((piece) => (typeof piece === "string" ? fold(piece) : piece));
}

/** What a text has to be; `search` asks for the pattern anywhere in it. */
export function matcher(pattern: Pattern): (text: string) => boolean {
  const [first, second, third] = pattern;
  if (pattern.length === 0) return (text) => text === "";
  if (pattern.length === 1) {
    if (first === many) return () => true;
    if (typeof first === "string") return (text) => text === first;
  }
  if (pattern.length === 2) {
    if (first === many && typeof second === "string") return (text) => text.endsWith(second);
    if (typeof first === "string" && second === many) return (text) => text.startsWith(first);
  }
  if (pattern.length === 3 && first === many && third === many && typeof second === "string")
    return (text) => text.includes(second);
  const runs = split(pattern);
  return (text) => matchRuns(runs, text);
}

/** Pieces between stars: each has a fixed length, so the leftmost place that fits is as good as any other. */
interface Run {
  readonly pieces: readonly Exclude<Piece, typeof many>[];
  readonly length: number;
}

function split(pattern: Pattern): readonly Run[] {
  const runs: Exclude<Piece, typeof many>[][] = [[]];
  for (const piece of pattern) {
    if (piece === many) runs.push([]);
    else runs.at(-1)?.push(piece);
  }
  return runs.map((pieces) => ({
    pieces,
    length: pieces.reduce<number>((sum, piece) => sum + (typeof piece === "string" ? piece.length : 1), 0),
  }));
}

function matchRuns(runs: readonly Run[], text: string): boolean {
  const [first] = runs;
  const last = runs.at(-1);
  if (first === undefined || last === undefined) return text === "";
  if (runs.length === 1) return text.length === first.length && fits(first, text, 0);
  if (!fits(first, text, 0)) return false;
  const end = text.length - last.length;
  let from = first.length;
  for (const run of runs.slice(1, -1)) {
    const at = find(run, text, from, end);
    if (at < 0) return false;
    from = at + run.length;
  }
  return end >= from && fits(last, text, end);
}

function find(run: Run, text: string, from: number, end: number): number {
  const [only] = run.pieces;
  if (run.pieces.length === 1 && typeof only === "string") {
    const at = text.indexOf(only, from);
    return at >= 0 && at + run.length <= end ? at : -1;
  }
  for (let at = from; at + run.length <= end; at++) if (fits(run, text, at)) return at;
  return -1;
}

function fits(run: Run, text: string, start: number): boolean {
  if (start + run.length > text.length) return false;
  let at = start;
  for (const piece of run.pieces) {
    if (typeof piece === "string") {
      if (!text.startsWith(piece, at)) return false;
      at += piece.length;
    } else {
      if (piece === dash && !dashes.includes(text.charAt(at))) return false;
      at++;
    }
  }
  return true;
}

/** For messages and reasons. */
export function patternText(pattern: Pattern): string {
  return pattern
    .map((piece) => {
      if (piece === many) return "*";
      if (piece === one) return "?";
      return piece === dash ? "-" : piece.replaceAll(/[*?]/g, "\\$&");
    })
    .join("");
}
