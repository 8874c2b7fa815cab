/** One file of rules: detection rules, correlations, filters, and documents that hold for those after them. */
import type { LogSource, RuleFacts } from "../rule.ts";
import { readDetection } from "./detection.ts";
import { readDocuments, type Tree, type TreeEntry, type TreeMap } from "./document.ts";
import type { Expression } from "./expression.ts";
import { lineOf, readFacts, readLogSource, readText, readTexts } from "./facts.ts";
import { RuleFault } from "./fault.ts";
import type { Placeholders } from "./placeholders.ts";
import { readCorrelation, type Correlation } from "./read-correlation.ts";

export interface SigmaRule {
  readonly facts: RuleFacts;
  readonly name: string | undefined;
  readonly source: LogSource;
  readonly detection: Expression;
  readonly line: number;
}

/** Its condition is added to that of each rule it names; as a rule it says "not selection". */
export interface SigmaFilter {
  readonly facts: RuleFacts;
  readonly source: LogSource;
  readonly rules: "any" | readonly string[];
  readonly condition: Expression;
  readonly line: number;
}

/** What cannot be used, and where. */
export interface RuleProblem {
  readonly file: string;
  readonly line: number;
  readonly title: string | undefined;
  readonly id: string | undefined;
  readonly why: string;
}

export interface ParsedFile {
  readonly rules: readonly SigmaRule[];
  readonly correlations: readonly Correlation[];
  readonly filters: readonly SigmaFilter[];
  readonly problems: readonly RuleProblem[];
}

export function parseFile(file: string, text: string, placeholders: Placeholders): ParsedFile {
  const rules: SigmaRule[] = [];
  const correlations: Correlation[] = [];
  const filters: SigmaFilter[] = [];
  const problems: RuleProblem[] = [];
  const attempt = (map: TreeMap | undefined, read: () => void): void => {
    try {
      read();
    } catch (cause) {
      if (!(cause instanceof RuleFault)) throw cause;
      problems.push({
        file,
        line: cause.line,
        title: spelled(map, "title"),
        id: spelled(map, "id"),
        why: cause.message,
      });
    }
  };
  attempt(undefined, () => {
    for (const map of globals(readDocuments(text)))
      attempt(map, () => {
        if (map.entries.has("correlation")) correlations.push(readCorrelation(map, file));
        else if (map.entries.has("filter")) filters.push(readFilter(map, file, placeholders));
        else rules.push(readRule(map, file, placeholders));
      });
  });
  return { rules, correlations, filters, problems };
}

function readRule(map: TreeMap, file: string, placeholders: Placeholders): SigmaRule {
  const facts = readFacts(map, file);
  const detection = map.entries.get("detection");
  if (detection?.value.kind !== "map")
    throw new RuleFault(detection?.line ?? map.line, "neither a detection, nor a correlation, nor a filter");
  return {
    facts,
    name: readText(map, "name", 256),
    source: readLogSource(map),
    detection: readDetection(detection.value, placeholders),
    line: map.line,
  };
}

function readFilter(map: TreeMap, file: string, placeholders: Placeholders): SigmaFilter {
  const facts = readFacts(map, file);
  const filter = map.entries.get("filter");
  if (filter?.value.kind !== "map") throw new RuleFault(filter?.line ?? map.line, "the filter has to be a map");
  const rules = readTexts(filter.value, "rules");
  return {
    facts,
    source: readLogSource(map),
    rules: rules.length === 0 || (rules.length === 1 && rules[0]?.toLowerCase() === "any") ? "any" : rules,
    condition: readDetection(filter.value, placeholders),
    line: lineOf(map, "filter"),
  };
}

/** `action: global` holds for every document after it, `reset` ends that, `repeat` takes over the document before. */
function globals(documents: readonly TreeMap[]): readonly TreeMap[] {
  const done: TreeMap[] = [];
  let base: TreeMap | undefined;
  let before: TreeMap | undefined;
  for (const map of documents) {
    const action = readText(map, "action", 32);
    switch (action) {
      case undefined:
        before = base === undefined ? map : merge(base, map);
        done.push(before);
        break;
      case "global":
        base = base === undefined ? without(map, "action") : merge(base, without(map, "action"));
        break;
      case "reset":
        base = undefined;
        break;
      case "repeat":
        if (before === undefined) throw new RuleFault(map.line, '"action: repeat" has no document before it');
        before = merge(before, without(map, "action"));
        done.push(before);
        break;
      default:
        throw new RuleFault(lineOf(map, "action"), `"${action}" is no action of a document: global, reset, repeat`);
    }
  }
  return done;
}

/** Maps are joined name by name; of anything else the later one stands. */
function merge(base: TreeMap, over: TreeMap): TreeMap {
  const entries = new Map<string, TreeEntry>(base.entries);
  for (const [name, entry] of over.entries) {
    const under: Tree | undefined = entries.get(name)?.value;
    const joined = under?.kind === "map" && entry.value.kind === "map" ? merge(under, entry.value) : entry.value;
    entries.set(name, { line: entry.line, value: joined });
  }
  return { kind: "map", line: over.line, entries };
}

function without(map: TreeMap, name: string): TreeMap {
  return { ...map, entries: new Map([...map.entries].filter(([key]) => key !== name)) };
}

function spelled(map: TreeMap | undefined, name: string): string | undefined {
  const value = map?.entries.get(name)?.value;
  return value?.kind === "scalar" && value.value !== null ? value.spelling.slice(0, 256) : undefined;
}
