/** Files of rules become one set: filters applied, references resolved, correlations in the order in which they can be fed. */
import { levels, type RuleFacts } from "../rule.ts";
import { all, type Expression } from "./expression.ts";
import { covers } from "./matcher.ts";
import { parseFile, type ParsedFile, type RuleProblem, type SigmaFilter, type SigmaRule } from "./parse.ts";
import type { Placeholders } from "./placeholders.ts";
import type { Correlation } from "./read-correlation.ts";

export interface RuleFile {
  readonly path: string;
  readonly text: string;
}

export interface LoadedRule extends SigmaRule {
  /** A finding of its own; otherwise it only feeds correlations. */
  readonly reported: boolean;
  /** Titles of the filters that were added. */
  readonly filters: readonly string[];
}

export interface LoadedCorrelation extends Correlation {
  /** The same rules as `rules`, each by the id it really has. */
  readonly sources: readonly string[];
  readonly reported: boolean;
}

export interface RuleSet {
  readonly rules: readonly LoadedRule[];
  /** A correlation stands behind every one that feeds it. */
  readonly correlations: readonly LoadedCorrelation[];
  readonly filters: number;
  readonly problems: readonly RuleProblem[];
  /** What works, and its author should still know. */
  readonly notes: readonly RuleProblem[];
}

export function loadRules(files: readonly RuleFile[], placeholders: Placeholders): RuleSet {
  const parsed = files.map(({ path, text }) => parseFile(path, text, placeholders));
  const problems = parsed.flatMap((file) => [...file.problems]);
  const rules = unique(parsed, problems);
  const names = new Map<string, string>();
  for (const { facts, name } of [...rules.rules, ...rules.correlations]) {
    names.set(facts.id, facts.id);
    if (name === undefined) continue;
    if (names.has(name) && name !== facts.id)
      problems.push(problem(facts, `another rule has the name "${name}" already`));
    else names.set(name, facts.id);
  }
  const { ordered, served } = order(rules.correlations, names, rules.rules, problems);
  const filters = parsed.flatMap((file) => [...file.filters]);
  const applied = applyFilters(rules.rules, filters, names, problems);
  return {
    rules: applied.map((rule) => ({ ...rule, reported: served.get(rule.facts.id) ?? true })),
    correlations: ordered.map((correlation) => ({
      ...correlation,
      reported: served.get(correlation.facts.id) ?? true,
    })),
    filters: filters.length,
    problems: problems.toSorted(byPlace),
    notes: [
      ...rules.rules.flatMap(({ facts }) => notesOn(facts)),
      ...filters.flatMap((filter) => noteOn(filter, applied)),
    ].toSorted(byPlace),
  };
}

/** Of two rules with one id the first stands: an alert must say which rule it is from. */
function unique(
  parsed: readonly ParsedFile[],
  problems: RuleProblem[],
): { readonly rules: readonly SigmaRule[]; readonly correlations: readonly Correlation[] } {
  const seen = new Map<string, RuleFacts>();
  const first = <T extends { readonly facts: RuleFacts }>(list: readonly T[]): T[] =>
    list.filter(({ facts }) => {
      const known = seen.get(facts.id);
      if (known === undefined) seen.set(facts.id, facts);
      else problems.push(problem(facts, `${known.file}:${known.line} has the id "${facts.id}" already`));
      return known === undefined;
    });
  return {
    rules: parsed.flatMap((file) => first(file.rules)),
    correlations: parsed.flatMap((file) => first(file.correlations)),
  };
}

interface Applied extends SigmaRule {
  readonly filters: readonly string[];
}

function applyFilters(
  rules: readonly SigmaRule[],
  filters: readonly SigmaFilter[],
  names: ReadonlyMap<string, string>,
  problems: RuleProblem[],
): readonly Applied[] {
  const wanted = filters.map((filter) => {
    const ids = filter.rules === "any" ? undefined : filter.rules.map((name) => names.get(name));
    const unknown = filter.rules === "any" ? [] : filter.rules.filter((name) => !names.has(name));
    if (unknown.length > 0)
      problems.push(
        problem(filter.facts, `the filter names rules that are not here: ${unknown.slice(0, 5).join(", ")}`),
      );
    return { filter, ids: ids === undefined ? undefined : new Set(ids) };
  });
  return rules.map((rule) => {
    const own = wanted.filter(
      ({ filter, ids }) => covers(filter.source, rule.source) && (ids === undefined || ids.has(rule.facts.id)),
    );
    return {
      ...rule,
      detection:
        own.length === 0 ? rule.detection : all([rule.detection, ...own.map(({ filter }) => filter.condition)]),
      filters: own.map(({ filter }) => filter.facts.title),
    };
  });
}

/** `served` tells of each rule that feeds a correlation whether one of them lets it report by itself (`generate`). */
function order(
  correlations: readonly Correlation[],
  names: ReadonlyMap<string, string>,
  rules: readonly SigmaRule[],
  problems: RuleProblem[],
): { readonly ordered: readonly Omit<LoadedCorrelation, "reported">[]; readonly served: ReadonlyMap<string, boolean> } {
  const facts = new Map(rules.map((rule) => [rule.facts.id, rule.facts]));
  const ordered: Omit<LoadedCorrelation, "reported">[] = [];
  const served = new Map<string, boolean>();
  let waiting = correlations;
  for (let before = -1; before !== waiting.length;) {
    before = waiting.length;
    waiting = waiting.filter((correlation) => {
      const sources = correlation.rules.map((name) => names.get(name) ?? name);
      if (!sources.every((id) => facts.has(id))) return true;
      const loaded = { ...correlation, facts: withLevel(correlation, sources, facts), sources };
      facts.set(loaded.facts.id, loaded.facts);
      ordered.push(loaded);
      for (const id of sources) served.set(id, (served.get(id) ?? false) || correlation.generate);
      return false;
    });
  }
  for (const { facts: own, rules: wanted } of waiting) {
    const missing = wanted.filter((name) => !names.has(name));
    problems.push(
      problem(
        own,
        missing.length > 0
          ? `the correlation needs rules that are not here or cannot be used: ${missing.slice(0, 5).join(", ")}`
          : "the correlation waits for itself, directly or through others, or for one that cannot be used",
      ),
    );
  }
  return { ordered, served };
}

function withLevel(
  correlation: Correlation,
  sources: readonly string[],
  facts: ReadonlyMap<string, RuleFacts>,
): RuleFacts {
  if (correlation.statesLevel) return correlation.facts;
  const highest = Math.max(0, ...sources.map((id) => levels.indexOf(facts.get(id)?.level ?? "informational")));
  return { ...correlation.facts, level: levels[highest] ?? "informational" };
}

function notesOn(facts: RuleFacts): readonly RuleProblem[] {
  return facts.status === "deprecated"
    ? [problem(facts, "its author says it is deprecated: another rule took its place")]
    : [];
}

function noteOn(filter: SigmaFilter, rules: readonly Applied[]): readonly RuleProblem[] {
  const notes: RuleProblem[] = [];
  if (!negates(filter.condition))
    notes.push(
      problem(
        filter.facts,
        'the filter\'s condition has no "not": its rules now find only what it describes, instead of all else',
      ),
    );
  if (!rules.some(({ filters }) => filters.includes(filter.facts.title)))
    notes.push(problem(filter.facts, "the filter is for no rule that is here with this logsource"));
  return notes;
}

function negates(expression: Expression): boolean {
  if (expression.kind === "not") return true;
  return expression.kind !== "atom" && expression.of.some(negates);
}

export function byPlace(a: RuleProblem, b: RuleProblem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line;
}

function problem({ file, line, title, id }: RuleFacts, why: string): RuleProblem {
  return { file, line, title, id, why };
}
