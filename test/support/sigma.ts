import type { DetectionEvent, FieldValue } from "../../server/detection/rule.ts";
import { openMatcher } from "../../server/detection/sigma/matcher.ts";
import { loadRules, type RuleSet } from "../../server/detection/sigma/rule-set.ts";

/** A rule around a detection that is given as YAML, indented or not. */
export function ruleText(detection: string, { id = "rule", head = "" }: { id?: string; head?: string } = {}): string {
  const indented = detection
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
  return `title: ${id}\nid: ${id}\nauthor: Somebody\n${head}logsource: { product: linux }\ndetection:\n${indented}\n`;
}

export function load(...texts: readonly string[]): RuleSet {
  return loadRules(
    texts.map((text, at) => ({ path: `${at}.yml`, text })),
    new Map(),
  );
}

/** Why the first rule cannot be used. */
export function fault(text: string): string | undefined {
  return load(text).problems[0]?.why;
}

export function eventOf(fields: Readonly<Record<string, FieldValue>>, at = 0): DetectionEvent {
  return { id: `e${at}`, at, source: { product: "linux" }, fields };
}

/** Does the detection hold? Rules that cannot be used throw their reason. */
export function holds(
  detection: string,
  fields: Readonly<Record<string, FieldValue>>,
  placeholders: Readonly<Record<string, readonly string[]>> = {},
): boolean {
  const set = loadRules([{ path: "rule.yml", text: ruleText(detection) }], new Map(Object.entries(placeholders)));
  const [problem] = set.problems;
  if (problem !== undefined) throw new Error(problem.why);
  return openMatcher(set.rules).match(eventOf(fields)).length === 1;
}
