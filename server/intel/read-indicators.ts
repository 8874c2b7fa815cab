import { createReadStream, readFileSync, readdirSync, statSync } from "node:fs";
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readPattern } from "../detection/stix-pattern/parse.ts";
import type { ComparisonExpression, ObservationExpression } from "../detection/stix-pattern/pattern.ts";
import { parsePurl } from "@provost/shared/ecosystems/purl.ts";
import { isArchiveName, readJsonArchive } from "./json-archive.ts";
import { isOsv, readOsv } from "./osv.ts";
import { IndicatorSet } from "./indicator-set.ts";

/** So long may a STIX bundle be; lists are read line by line and may be of any length. */
const mostBundleBytes = 256 << 20;

export interface ReadIndicators {
  readonly set: IndicatorSet;
  /** What stands in the files and cannot be matched: other digests, vulnerabilities, patterns with more than one condition. */
  readonly unmatched: number;
  /** Files that cannot be read, with the reason. */
  readonly problems: readonly string[];
}

/**
 * Folders of lists: one SHA-256, address, network, name of a host, URL or package URL a line, first on it ("#" and ";" begin a comment;
 * commas, semicolons and blanks end it), STIX 2.1 bundles and OSV records (".json"), or archives and folders of OSV records. The name in
 * the folder is the source. Throws where a folder cannot be read.
 */
export async function readIndicators(folders: readonly string[], now: number): Promise<ReadIndicators> {
  const set = new IndicatorSet();
  const problems: string[] = [];
  let unmatched = 0;
  for (const [folder, name] of folders.flatMap(filesIn)) {
    const path = join(folder, name);
    try {
      const about = statSync(path);
      if (!about.isFile() && !about.isDirectory()) continue;
      const source = set.source(name);
      if (about.isDirectory()) unmatched += await readFolder(path, set, source);
      else if (isArchiveName(name)) unmatched += await readArchive(path, set, source);
      else if (name.endsWith(".json")) unmatched += readDocument(path, about.size, set, source, now);
      else unmatched += await readList(path, set, source);
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
  const [, first, host] = /^[\s"']*([^\s"',;#]+)(?:\s+([^\s"',;#]+))?/.exec(line.slice(0, 2000)) ?? [];
  if (first === undefined) return true;
  // hosts(5): what a block list sends to nowhere is the name, not the address.
  const word = nowhere.has(first) && host !== undefined ? host : first;
  if (/^[0-9a-fA-F]{64}$/.test(word)) {
    set.addDigest(word.toLowerCase(), source);
    return true;
  }
  if (word.startsWith("pkg:")) return takePurl(word, set, source);
  return set.addAddress(word, source) || set.addName(word, source);
}

const nowhere: ReadonlySet<string> = new Set(["0.0.0.0", "127.0.0.1", "::", "::1"]);

function takePurl(text: string, set: IndicatorSet, source: number): boolean {
  const parts = parsePurl(text);
  if (parts?.version === undefined || (parts.type !== "npm" && parts.type !== "pypi")) return false;
  const name = parts.namespace === undefined ? parts.name : `${parts.namespace}/${parts.name}`;
  set.addPackage({ id: text, ecosystem: parts.type, name, versions: [parts.version], ranges: [] }, source);
  return true;
}

function takeOsv(value: unknown, set: IndicatorSet, source: number): number {
  if (!isOsv(value)) return 1;
  const { packages, other } = readOsv(value);
  for (const listed of packages) set.addPackage(listed, source);
  return other;
}

async function readArchive(path: string, set: IndicatorSet, source: number): Promise<number> {
  let unmatched = 0;
  await readJsonArchive(path, (value) => {
    unmatched += takeOsv(value, set, source);
  });
  return unmatched;
}

const folderBounds = { depth: 6, files: 2_000_000, fileBytes: 4 * 1024 * 1024 };

/** OSV's own layout: a folder for each package, in it a file for each record. */
async function readFolder(path: string, set: IndicatorSet, source: number): Promise<number> {
  let [unmatched, files] = [0, 0];
  const below = async (folder: string, depth: number): Promise<void> => {
    for await (const entry of await opendir(folder)) {
      const place = join(folder, entry.name);
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory() && depth < folderBounds.depth) await below(place, depth + 1);
      if (!entry.isFile() || !entry.name.endsWith(".json")) continue;
      files += 1;
      if (files > folderBounds.files) throw new RangeError(`more than ${folderBounds.files} files`);
      unmatched += statSync(place).size > folderBounds.fileBytes ? 1 : takeOsv(jsonOr(place), set, source);
    }
  };
  await below(path, 1);
  return unmatched;
}

/** Undefined: it is no JSON. */
function jsonOr(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** A STIX bundle, an OSV record, or a list of OSV records. */
function readDocument(path: string, bytes: number, set: IndicatorSet, source: number, now: number): number {
  if (bytes > mostBundleBytes) throw new RangeError(`a document of ${bytes} bytes is more than is read at once`);
  const document: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (isOsv(document)) return takeOsv(document, set, source);
  if (!Array.isArray(document) || !document.some(isOsv)) return readBundle(document, set, source, now);
  return document.reduce((unmatched: number, one: unknown) => unmatched + takeOsv(one, set, source), 0);
}

function readBundle(bundle: unknown, set: IndicatorSet, source: number, now: number): number {
  const objects = isRecord(bundle) && Array.isArray(bundle["objects"]) ? (bundle["objects"] as unknown[]) : undefined;
  if (objects === undefined)
    throw new TypeError("this is neither a STIX 2.1 bundle nor an OSV record: it has no list of objects");
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
    (path.type === "file" && /^hashes\.sha-?256$/.test(steps)) || (named.has(path.type) && steps === "value");
  if (!isKnown) return undefined;
  const literals =
    test.kind === "in" ? test.literals : test.kind === "order" && test.operator === "=" ? [test.literal] : [];
  const texts = literals.flatMap((literal) => (literal.kind === "text" ? [literal.value] : []));
  return texts.length === 0 || texts.length < literals.length ? undefined : texts;
}

const named: ReadonlySet<string> = new Set(["ipv4-addr", "ipv6-addr", "domain-name", "url"]);

const all = (parts: readonly (readonly string[] | undefined)[]): readonly string[] | undefined =>
  parts.every((part) => part !== undefined) ? parts.flat() : undefined;
