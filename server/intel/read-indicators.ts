import { createReadStream, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readPattern } from "../detection/stix-pattern/parse.ts";
import type { ComparisonExpression, ObservationExpression } from "../detection/stix-pattern/pattern.ts";
import { IndicatorSet } from "./indicator-set.ts";

/** So long may a STIX bundle be; lists are read line by line and may be of any length. */
const mostBundleBytes = 256 << 20;

export interface ReadIndicators {
  readonly set: IndicatorSet;
  /** What stands in the files and cannot be matched: names of hosts, URLs, other digests, patterns with more than one condition. */
  readonly unmatched: number;
  /** Files that cannot be read, with the reason. */
  readonly problems: readonly string[];
}

/**
 * Folders of lists: one SHA-256, address or network a line, first on it ("#" and ";" begin a comment; commas, semicolons and blanks end
 * it), or STIX 2.1 bundles (".json"). The file's name is the source. Throws where a folder cannot be read.
 */
export async function readIndicators(folders: readonly string[], now: number): Promise<ReadIndicators> {
  const set = new IndicatorSet();
  const problems: string[] = [];
  let unmatched = 0;
  for (const [folder, name] of folders.flatMap(filesIn)) {
    const path = join(folder, name);
    try {
      const about = statSync(path);
      if (!about.isFile()) continue;
      const source = set.source(name);
      unmatched += name.endsWith(".json")
        ? readBundle(path, about.size, set, source, now)
        : await readList(path, set, source);
    } catch (cause) {
      problems.push(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
  return { set, unmatched, problems };
}

/** Whoever writes a file under a hidden name first has not finished it. */
const filesIn = (folder: string): (readonly [string, string])[] =>
  readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .toSorted()
    .map((name) => [folder, name]);

async function readList(path: string, set: IndicatorSet, source: number): Promise<number> {
  let unmatched = 0;
  for await (const line of createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Infinity }))
    if (!takeLine(line, set, source)) unmatched += 1;
  return unmatched;
}

/** False: something stands there that cannot be matched. */
function takeLine(line: string, set: IndicatorSet, source: number): boolean {
  const [, word] = /^[\s"']*([^\s"',;#]+)/.exec(line.slice(0, 400)) ?? [];
  if (word === undefined) return true;
  if (/^[0-9a-fA-F]{64}$/.test(word)) {
    set.addDigest(word.toLowerCase(), source);
    return true;
  }
  return set.addAddress(word, source);
}

function readBundle(path: string, bytes: number, set: IndicatorSet, source: number, now: number): number {
  if (bytes > mostBundleBytes) throw new RangeError(`a bundle of ${bytes} bytes is more than is read at once`);
  const bundle: unknown = JSON.parse(readFileSync(path, "utf8"));
  const objects = isRecord(bundle) && Array.isArray(bundle["objects"]) ? (bundle["objects"] as unknown[]) : undefined;
  if (objects === undefined) throw new TypeError("this is no STIX 2.1 bundle: it has no list of objects");
  let unmatched = 0;
  for (const object of objects) {
    if (!isRecord(object) || object["type"] !== "indicator" || object["revoked"] === true) continue;
    if (typeof object["valid_until"] === "string" && Date.parse(object["valid_until"]) <= now) continue;
    const values = typeof object["pattern"] === "string" ? alternatives(object["pattern"]) : undefined;
    if (values === undefined) unmatched += 1;
    else for (const value of values) if (!takeLine(value, set, source)) unmatched += 1;
  }
  return unmatched;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** What a pattern names, where any one of it is enough; undefined: it wants more than one thing at once, or something else. */
function alternatives(pattern: string): readonly string[] | undefined {
  try {
    return ofObservation(readPattern(pattern));
  } catch {
    return undefined;
  }
}

function ofObservation(expression: ObservationExpression): readonly string[] | undefined {
  if (expression.kind === "observation") return ofComparison(expression.of);
  return expression.kind === "or" ? all(expression.of.map(ofObservation)) : undefined;
}

function ofComparison(expression: ComparisonExpression): readonly string[] | undefined {
  if (expression.kind === "or") return all(expression.of.map(ofComparison));
  if (expression.kind !== "comparison" || expression.negated) return undefined;
  const { path, test } = expression;
  const steps = path.steps.map((step) => (step.kind === "property" ? step.name.toLowerCase() : "")).join(".");
  const isKnown =
    (path.type === "file" && /^hashes\.sha-?256$/.test(steps)) ||
    ((path.type === "ipv4-addr" || path.type === "ipv6-addr") && steps === "value");
  if (!isKnown) return undefined;
  const literals =
    test.kind === "in" ? test.literals : test.kind === "order" && test.operator === "=" ? [test.literal] : [];
  const texts = literals.flatMap((literal) => (literal.kind === "text" ? [literal.value] : []));
  return texts.length === 0 || texts.length < literals.length ? undefined : texts;
}

const all = (parts: readonly (readonly string[] | undefined)[]): readonly string[] | undefined =>
  parts.every((part) => part !== undefined) ? parts.flat() : undefined;
