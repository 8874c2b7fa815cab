/** What stands around a rule: title, author, level and the rest, bounded, kept as its author wrote it. */
import { levels, type Level, type LogSource, type RuleFacts } from "../rule.ts";
import type { TreeMap } from "./document.ts";
import { RuleFault } from "./fault.ts";

const limits = { title: 256, text: 65_535, list: 256 };

export function readFacts(map: TreeMap, file: string): RuleFacts {
  const title = readText(map, "title", limits.title);
  if (title === undefined) throw new RuleFault(map.line, "the rule has no title");
  const taxonomy = readText(map, "taxonomy", limits.title);
  if (taxonomy !== undefined && taxonomy !== "sigma")
    throw new RuleFault(
      lineOf(map, "taxonomy"),
      `fields of the taxonomy "${taxonomy}" are not known here, only Sigma's own`,
    );
  const status = readText(map, "status", 32);
  if (status === "unsupported") throw new RuleFault(lineOf(map, "status"), 'its author says it is "unsupported"');
  return {
    id: readText(map, "id", limits.title) ?? readText(map, "name", limits.title) ?? `${file}:${map.line}`,
    title,
    author: readText(map, "author", limits.text),
    license: readText(map, "license", limits.title),
    level: readLevel(map),
    status,
    description: readText(map, "description", limits.text),
    tags: readTexts(map, "tags"),
    references: readTexts(map, "references"),
    falsePositives: readTexts(map, "falsepositives"),
    file,
    line: map.line,
  };
}

/** Sigma leaves the level out where a rule only serves a correlation. */
function readLevel(map: TreeMap): Level {
  const level = readText(map, "level", 32);
  if (level === undefined) return "informational";
  const known = levels.find((name) => name === level);
  if (known === undefined) throw new RuleFault(lineOf(map, "level"), `"${level}" is no level: ${levels.join(", ")}`);
  return known;
}

export function readLogSource(map: TreeMap): LogSource {
  const entry = map.entries.get("logsource");
  if (entry?.value.kind !== "map") throw new RuleFault(entry?.line ?? map.line, "the rule has no logsource");
  const product = readText(entry.value, "product", limits.title);
  const category = readText(entry.value, "category", limits.title);
  const service = readText(entry.value, "service", limits.title);
  if (product === undefined && category === undefined && service === undefined)
    throw new RuleFault(entry.line, "the logsource names no product, category or service");
  return {
    ...(product === undefined ? {} : { product }),
    ...(category === undefined ? {} : { category }),
    ...(service === undefined ? {} : { service }),
  };
}

export function readText(map: TreeMap, name: string, most: number): string | undefined {
  const entry = map.entries.get(name);
  if (entry === undefined || (entry.value.kind === "scalar" && entry.value.value === null)) return undefined;
  if (entry.value.kind !== "scalar") throw new RuleFault(entry.line, `"${name}" has to be text`);
  const text = entry.value.spelling.trim();
  if (text.length > most) throw new RuleFault(entry.line, `"${name}" is longer than ${most} characters`);
  return text === "" ? undefined : text;
}

/** One text alone stands for a list of one. */
export function readTexts(map: TreeMap, name: string): readonly string[] {
  const entry = map.entries.get(name);
  if (entry === undefined) return [];
  const items = entry.value.kind === "list" ? entry.value.items : [entry.value];
  if (items.length > limits.list) throw new RuleFault(entry.line, `"${name}" has more than ${limits.list} entries`);
  return items.flatMap((item) => {
    if (item.kind !== "scalar") throw new RuleFault(item.line, `"${name}" has to be a list of texts`);
    return item.value === null ? [] : [item.spelling];
  });
}

export function lineOf(map: TreeMap, name: string): number {
  return map.entries.get(name)?.line ?? map.line;
}
