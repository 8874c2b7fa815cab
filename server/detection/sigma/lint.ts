/** What a rule author or the owner of a folder should know before the rules are relied on. */
import type { RuleFacts } from "../rule.ts";
import { linuxPaths, linuxShapes } from "./fields/linux.ts";
import { covers } from "./matcher.ts";
import { whyNever, type Never } from "./never.ts";
import type { RuleProblem } from "./parse.ts";
import { byPlace, type LoadedCorrelation, type LoadedRule, type RuleSet } from "./rule-set.ts";

/**
 * unusable: not loaded. never: loaded, and no event at all can make it fire. unfed: it would fire, on events that no device sends
 * here. note: it works.
 */
export type LintKind = "unusable" | "never" | "unfed" | "note";

export interface Lint extends RuleProblem {
  readonly kind: LintKind;
}

export function lintRules(set: RuleSet): readonly Lint[] {
  const dead = new Map<string, "never" | "unfed">();
  const found: Lint[] = [
    ...set.problems.map((problem): Lint => ({ kind: "unusable", ...problem })),
    ...set.notes.map((note): Lint => ({ kind: "note", ...note })),
  ];
  const tell = (kind: "never" | "unfed", facts: RuleFacts, { why, line }: Never): void => {
    dead.set(facts.id, kind);
    found.push({ kind, ...placeOf(facts), line, why });
  };
  for (const rule of set.rules) {
    const never = whyNever(rule.detection, rule.source.product === "linux" ? linuxPaths : undefined);
    const unfed = never === undefined ? whyUnfed(rule) : undefined;
    if (never !== undefined) tell("never", rule.facts, never);
    else if (unfed !== undefined) tell("unfed", rule.facts, unfed);
  }
  // In their order, so that one that waits for a dead one is found dead before those that wait for it.
  for (const correlation of set.correlations) {
    const kind = fate(correlation, dead);
    if (kind !== undefined)
      tell(kind, correlation.facts, {
        why: "the rules that it waits for do not fire",
        line: correlation.facts.line,
      });
  }
  for (const { facts, reported } of [...set.rules, ...set.correlations])
    if (!reported)
      found.push({
        kind: "note",
        ...placeOf(facts),
        why: "it only feeds correlations, none of which says generate: true",
      });
  return found.toSorted(byPlace);
}

function whyUnfed({ source, detection, line }: LoadedRule): Never | undefined {
  const shapes = linuxShapes.filter((shape) => covers(source, shape.source));
  if (shapes.length === 0) {
    const { product, category, service } = source;
    const words = [product, category, service].filter((word) => word !== undefined);
    return { why: `no device sends events of the logsource ${words.join(" / ")}`, line };
  }
  const reasons = shapes.map((shape) => whyNever(detection, shape));
  if (!reasons.every((reason) => reason !== undefined)) return undefined;
  // Of the records of auditd, the one with the right type says what is really missing.
  return reasons.find(({ why }) => !why.startsWith("no event has a type ")) ?? reasons[0];
}

function fate(
  { sources, type, limits }: LoadedCorrelation,
  dead: ReadonlyMap<string, "never" | "unfed">,
): "never" | "unfed" | undefined {
  const fates = sources.map((id) => dead.get(id));
  const alive = fates.filter((kind) => kind === undefined).length;
  const temporal = type === "temporal" || type === "temporal_ordered";
  const needed = temporal ? Math.max(...limits.map(([bound, value]) => (bound === "gt" ? value + 1 : value))) : 1;
  if (alive >= needed) return undefined;
  return fates.includes("never") ? "never" : "unfed";
}

function placeOf({ file, line, title, id }: RuleFacts): Omit<RuleProblem, "why"> {
  return { file, line, title, id };
}
