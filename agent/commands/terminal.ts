/** Where a verb writes. Results go to `out`, everything a person merely watches to `note` and `progress`. */
export interface Terminal {
  out(line: string, tone?: Tone): void;
  note(line: string, tone?: Tone): void;
  /** Several lines at once, as commander writes them. */
  outText(text: string): void;
  noteText(text: string): void;
  /** One line that replaces itself; shown only where a person looks. Undefined takes it away. */
  progress(line: string | undefined): void;
}

export type Tone = "good" | "bad" | "weak" | "plain" | "head";

interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** NO_COLOR (no-color.org): any value but the empty one switches colour off. */
export function openTerminal(
  stdout: Stream,
  stderr: Stream,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const plain = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  const paint = (stream: Stream, line: string, tone: Tone): string => {
    const text = printable(line);
    return plain || stream.isTTY !== true || tone === "plain" ? text : `\u001b[${colours[tone]}m${text}\u001b[0m`;
  };
  let showing = false;
  const clear = (): void => {
    if (showing) stderr.write("\r\u001b[K");
    showing = false;
  };
  const out = (line: string, tone: Tone = "plain"): void => {
    clear();
    stdout.write(`${paint(stdout, line, tone)}\n`);
  };
  const note = (line: string, tone: Tone = "plain"): void => {
    clear();
    stderr.write(`${paint(stderr, line, tone)}\n`);
  };
  return {
    out,
    note,
    outText: (text) => linesOf(text).forEach((line) => out(line)),
    noteText: (text) => linesOf(text).forEach((line) => note(line)),
    progress(line) {
      clear();
      if (line === undefined || stderr.isTTY !== true || env["TERM"] === "dumb") return;
      stderr.write(printable(line).slice(0, 200));
      showing = true;
    },
  };
}

const linesOf = (text: string): readonly string[] => text.replace(/\n$/, "").split("\n");

const colours: Readonly<Record<Exclude<Tone, "plain">, string>> = { good: "32", bad: "31", weak: "33", head: "1" };

/**
 * The last door before a screen. Paths come as path text and names are escaped where they are read; whatever slipped through
 * may still not move the cursor, ring, recolour or turn the reading direction.
 */
export const printable = (line: string): string => line.replace(unsafe, escaped);

/** One JSON document in one line, with the same promise: a program reads the same value, a screen only sees text. */
export const jsonLine = (value: unknown): string => escapedJson(JSON.stringify(value));

const escapedJson = (line: string): string =>
  line.replace(unsafe, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);

/** The same for a document over many lines. */
export const jsonPages = (value: unknown): string =>
  JSON.stringify(value, undefined, 2).split("\n").map(escapedJson).join("\n");

const unsafe = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
const encoder = new TextEncoder();
const escaped = (character: string): string =>
  [...encoder.encode(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
