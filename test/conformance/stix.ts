import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { matchPattern, type PatternResult } from "../../server/detection/stix-pattern/evaluate.ts";
import { setResult, vectorsRoot, type CaseResult, type SetResult } from "./vectors.ts";

const file = join(vectorsRoot, "detection", "stix", "pattern-vectors-v21.json");
export const haveStixPatterns = (): boolean => existsSync(file);

interface Vectors {
  readonly observations: Readonly<Record<string, readonly unknown[]>>;
  readonly cases: readonly {
    readonly observations: string;
    readonly pattern: string;
    readonly expect: "match" | "no-match" | "error" | "match-ids";
    readonly expected_ids?: readonly string[];
  }[];
}

/** Patterns that OASIS publishes with what they find in given observations. */
export function stixPatterns(): Promise<SetResult> {
  const { observations, cases } = JSON.parse(readFileSync(file, "utf8")) as Vectors;
  const results = cases.map(({ pattern, observations: name, expect, expected_ids }): CaseResult => {
    const result = matchPattern(pattern, observations[name] ?? []);
    const wanted = expect === "match-ids" ? `match ${ids(expected_ids ?? [])}` : expect;
    const got = expect === "match-ids" ? said(result) : result.kind;
    return { id: pattern, asExpected: got === wanted, got: `${said(result)}, wanted ${wanted}` };
  });
  return Promise.resolve(setResult("stix patterns", results));
}

/** One id alone was published as a list of its characters. */
function ids(list: readonly string[]): string {
  const whole = list.every((part) => part.length === 1) ? [list.join("")] : list;
  return whole.toSorted().join(" ");
}

function said(result: PatternResult): string {
  if (result.kind === "match") return `match ${ids(result.observations)}`;
  return result.kind === "error" ? `error: ${result.why}` : result.kind;
}
