import { hexOfBase64 } from "../../lib/base64-hex.ts";
import { boundedLines, pathLine } from "../../lib/lines.ts";
import { joinWithin } from "../packaged-path.ts";

/** One installed file of a distribution, absolute inside its root. */
export interface RecordedFile {
  readonly path: string;
  readonly expected?: { readonly algorithm: "sha256" | "sha384" | "sha512"; readonly hex: string };
}

/** Where a distribution lies: its lines are relative to `folder`, and it may name nothing outside of `prefix`. */
export interface Environment {
  readonly folder: string;
  readonly prefix: string;
}

/**
 * RECORD: CSV of path, "algorithm=urlsafe-base64" and size (PEP 376, PEP 627), line by line; no line of it is kept. Yields text
 * for a line that is not believed.
 */
export function* readRecord(chunks: Iterable<Uint8Array>, environment: Environment): Generator<RecordedFile | string> {
  for (const line of boundedLines(chunks, MAX_LINE)) {
    if (line.number > MAX_LINES) {
      yield `more than ${MAX_LINES} lines`;
      return;
    }
    if (line.long) yield "a line that is too long";
    else if (line.bytes.includes(0)) yield "a line with a NUL";
    else if (line.bytes.length > 0) yield recorded(pathLine(stripReturn(line.bytes)), environment);
  }
}

/** PEP 405 and sysconfig: .../lib/python3.11/site-packages belongs to the environment three folders up. */
export function environmentOf(folder: string): Environment {
  const found = /^(.*)\/lib(?:32|64|)\/(?:python|pypy)[^/]*\/(?:site|dist)-packages$/.exec(folder);
  return { folder, prefix: found?.[1] ?? folder };
}

const MAX_LINE = 16 * 1024;
const MAX_LINES = 500_000;

function recorded(line: string, { folder, prefix }: Environment): RecordedFile | string {
  const fields = csvFields(line);
  const [name, digest = ""] = fields ?? [];
  if (name === undefined || name === "" || (fields?.length ?? 0) > 3) return "a line that is no path, digest and size";
  const path = joinWithin(folder, name, prefix);
  if (path === undefined) return "a path that leaves its environment";
  if (/\\x(?:[01][0-9a-f]|7f)/.test(path)) return "a path with a control character";
  if (digest === "") return { path };
  const expected = digestOf(digest);
  return expected === undefined ? "a digest that is malformed or too weak" : { path, expected };
}

/** PEP 376: sha256 or stronger; PEP 427 forbids md5 and sha1. Flit once wrote hexadecimal, which no base64 of a digest is as long as. */
function digestOf(text: string): RecordedFile["expected"] {
  const [, algorithm, encoded = ""] = /^(sha256|sha384|sha512)=([A-Za-z0-9_-]+={0,2})$/.exec(text) ?? [];
  if (algorithm !== "sha256" && algorithm !== "sha384" && algorithm !== "sha512") return undefined;
  const length = Number(algorithm.slice(3)) / 4;
  const plain = encoded.length === length && /^[0-9a-f]+$/.test(encoded);
  const hex = plain ? encoded : hexOfBase64(encoded);
  return hex?.length === length ? { algorithm, hex } : undefined;
}

function csvFields(line: string): readonly string[] | undefined {
  if (!line.includes('"')) return line.split(",");
  const fields: string[] = [];
  let rest = line;
  for (;;) {
    const found = /^"((?:[^"]|"")*)"(?=,|$)/.exec(rest) ?? /^([^",]*)(?=,|$)/.exec(rest);
    if (found === null) return undefined;
    fields.push((found[1] ?? "").replaceAll('""', '"'));
    if (found[0].length === rest.length) return fields;
    rest = rest.slice(found[0].length + 1);
  }
}

const stripReturn = (bytes: Uint8Array): Uint8Array => (bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes);
