/** Correlation rules: what they count, over which rules, in which time. */
import type { RuleFacts } from "../rule.ts";
import type { TreeMap } from "./document.ts";
import { readFacts, readText, readTexts, lineOf } from "./facts.ts";
import { RuleFault } from "./fault.ts";

export const correlationTypes = [
  ...(["event_count", "value_count", "temporal", "temporal_ordered"] as const),
  ...(["value_sum", "value_avg", "value_percentile", "value_median"] as const),
] as const;
export type CorrelationType = (typeof correlationTypes)[number];

export const bounds = ["gt", "gte", "lt", "lte", "eq", "neq"] as const;
export type Bound = (typeof bounds)[number];

export interface Correlation {
  readonly facts: RuleFacts;
  readonly name: string | undefined;
  readonly type: CorrelationType;
  /** Ids or names, as written. */
  readonly rules: readonly string[];
  readonly groupBy: readonly string[];
  /** Of each alias, by rule: which field it means there. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly timespan: number;
  readonly limits: readonly (readonly [Bound, number])[];
  readonly fields: readonly string[];
  /** Of value_percentile. Nothing: which part of all events has each value. */
  readonly percentile: number | undefined;
  readonly generate: boolean;
  /** Where it states no level, the highest of its rules' stands. */
  readonly statesLevel: boolean;
}

const most = { rules: 64, fields: 16, aliases: 32, timespan: 31 * 86_400_000, count: 10_000 };
const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

export function readCorrelation(map: TreeMap, file: string): Correlation {
  const facts = readFacts(map, file);
  const entry = map.entries.get("correlation");
  if (entry?.value.kind !== "map") throw new RuleFault(map.line, "the correlation has to be a map");
  const body = entry.value;
  const typeText = readText(body, "type", 32);
  const type = correlationTypes.find((name) => name === typeText);
  if (type === undefined)
    throw new RuleFault(
      lineOf(body, "type"),
      `"${typeText ?? ""}" is no type of correlation: ${correlationTypes.join(", ")}`,
    );
  const rules = bounded(readTexts(body, "rules"), most.rules, lineOf(body, "rules"), "rules");
  if (rules.length === 0) throw new RuleFault(lineOf(body, "rules"), "the correlation names no rules");
  const condition = readLimits(body, type, rules.length);
  return {
    facts,
    name: readText(map, "name", 256),
    type,
    rules,
    groupBy: bounded(readTexts(body, "group-by"), most.fields, lineOf(body, "group-by"), "fields to group by"),
    aliases: readAliases(body, rules),
    timespan: readTimespan(body),
    ...condition,
    generate: readFlag(body, "generate") ?? readFlag(map, "generate") ?? false,
    statesLevel: map.entries.has("level"),
  };
}

function readTimespan(body: TreeMap): number {
  const line = lineOf(body, "timespan");
  const written = readText(body, "timespan", 32);
  const [, count = "", unit = ""] = /^(\d{1,9})([smhdw])$/.exec(written ?? "") ?? [];
  const timespan = Number(count) * (units[unit] ?? 0);
  if (timespan <= 0)
    throw new RuleFault(line, 'the timespan has to be a number and a letter, such as "90s", "10m", "1h", "7d"');
  if (timespan > most.timespan) throw new RuleFault(line, "the timespan is longer than 31 days");
  return timespan;
}

function readLimits(
  body: TreeMap,
  type: CorrelationType,
  rules: number,
): Pick<Correlation, "limits" | "fields" | "percentile"> {
  const entry = body.entries.get("condition");
  const temporal = type === "temporal" || type === "temporal_ordered";
  if (entry === undefined && temporal) return { limits: [["gte", rules]], fields: [], percentile: undefined };
  if (entry === undefined) throw new RuleFault(body.line, `a correlation of type ${type} needs a condition`);
  if (entry.value.kind !== "map")
    throw new RuleFault(
      entry.line,
      "a correlation's condition is a map such as gte: 10; conditions as text came after version 2.1",
    );
  const limits: (readonly [Bound, number])[] = [];
  for (const [name, { value, line }] of entry.value.entries) {
    if (name === "field" || name === "percentile") continue;
    const bound = bounds.find((known) => known === name);
    if (bound === undefined) throw new RuleFault(line, `"${name}" is no part of a correlation's condition`);
    if (value.kind !== "scalar" || typeof value.value !== "number" || !Number.isFinite(value.value))
      throw new RuleFault(line, `"${name}" wants a number`);
    if (counts(type) && value.value > most.count)
      throw new RuleFault(line, `a correlation counts to ${most.count} and no further`);
    limits.push([bound, value.value]);
  }
  if (limits.length === 0) throw new RuleFault(entry.line, "the condition has no number to compare with");
  const fields = bounded(readTexts(entry.value, "field"), most.fields, entry.line, "fields");
  if (type.startsWith("value_") && fields.length === 0)
    throw new RuleFault(entry.line, `a correlation of type ${type} needs a field in its condition`);
  if (type.startsWith("value_") && type !== "value_count" && fields.length > 1)
    throw new RuleFault(entry.line, `a correlation of type ${type} measures one field`);
  if (temporal && limits.some(([bound]) => bound === "lt" || bound === "lte" || bound === "neq"))
    throw new RuleFault(entry.line, "rules that did not match cannot be waited for; use gte, gt or eq");
  return { limits, fields, percentile: readPercentile(entry.value) };
}

function counts(type: CorrelationType): boolean {
  return type === "event_count" || type === "value_count";
}

function readPercentile(condition: TreeMap): number | undefined {
  const written = readText(condition, "percentile", 16);
  if (written === undefined) return undefined;
  const percentile = Number(written);
  if (!(percentile >= 0 && percentile <= 100))
    throw new RuleFault(lineOf(condition, "percentile"), "a percentile lies between 0 and 100");
  return percentile;
}

function readAliases(body: TreeMap, rules: readonly string[]): Correlation["aliases"] {
  const entry = body.entries.get("aliases");
  const aliases = new Map<string, ReadonlyMap<string, string>>();
  if (entry === undefined) return aliases;
  if (entry.value.kind !== "map" || entry.value.entries.size > most.aliases)
    throw new RuleFault(entry.line, `aliases are a map of at most ${most.aliases} names`);
  for (const [alias, { value, line }] of entry.value.entries) {
    if (value.kind !== "map") throw new RuleFault(line, `the alias "${alias}" has to be a map of rules and fields`);
    const fields = new Map<string, string>();
    for (const [rule, { line }] of value.entries) {
      if (!rules.includes(rule))
        throw new RuleFault(line, `the alias "${alias}" names the rule "${rule}", which is not correlated`);
      const field = readText(value, rule, 256);
      if (field !== undefined) fields.set(rule, field);
    }
    aliases.set(alias, fields);
  }
  return aliases;
}

function readFlag(map: TreeMap, name: string): boolean | undefined {
  const entry = map.entries.get(name);
  if (entry === undefined) return undefined;
  if (entry.value.kind !== "scalar" || typeof entry.value.value !== "boolean")
    throw new RuleFault(entry.line, `"${name}" has to be true or false`);
  return entry.value.value;
}

function bounded(list: readonly string[], limit: number, line: number, what: string): readonly string[] {
  if (list.length > limit) throw new RuleFault(line, `more than ${limit} ${what}`);
  return list;
}
