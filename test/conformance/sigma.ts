import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readRuleFolder } from "../../server/detection/sigma/folder.ts";
import { lintRules, type Lint } from "../../server/detection/sigma/lint.ts";
import { openMatcher } from "../../server/detection/sigma/matcher.ts";
import { loadRules, type RuleSet } from "../../server/detection/sigma/rule-set.ts";
import { setResult, vectorsRoot, type CaseResult, type SetResult } from "./vectors.ts";
import { alsoKnownAs, windowsEvent, type WindowsEvent } from "./windows-events.ts";

export const sigmaVectors = (...path: readonly string[]): string => join(vectorsRoot, "detection", "sigma", ...path);
export const haveSigma = (): boolean => existsSync(sigmaVectors("regression", "cases.json"));

/** Pairs of rule and events that SigmaHQ publishes: at least one event of each pair matches. All rules are loaded at once. */
export function sigmaPairs(): Promise<SetResult> {
  const set = loadRules(readRuleFolder(sigmaVectors("regression", "rules")).files, new Map());
  const matcher = openMatcher(set.rules);
  const cases = JSON.parse(readFileSync(sigmaVectors("regression", "cases.json"), "utf8")) as readonly {
    readonly rule: string;
  }[];
  const results = cases.map(({ rule }): CaseResult => {
    const recorded = JSON.parse(
      readFileSync(sigmaVectors("regression", "events", `${rule}.json`), "utf8"),
    ) as readonly WindowsEvent[];
    const matched = recorded
      .flatMap((one, at) => alsoKnownAs(windowsEvent(one, `${rule}-${at}`)))
      .some((event) => matcher.match(event).some(({ facts }) => facts.id === rule));
    return { id: rule, asExpected: matched, got: matched ? "matched" : "no event matched" };
  });
  return Promise.resolve(setResult("sigma pairs", results));
}

/** The rules for Linux, and what `rules lint` says of them. */
export function sigmaLinux(): LinuxRules {
  linuxRules ??= readLinuxRules();
  return linuxRules;
}

interface LinuxRules {
  readonly set: RuleSet;
  readonly found: readonly Lint[];
}
let linuxRules: LinuxRules | undefined;

function readLinuxRules(): LinuxRules {
  const { files, problems } = readRuleFolder(sigmaVectors("linux-rules"));
  const set = loadRules(files, new Map());
  return { set, found: [...problems.map((problem): Lint => ({ kind: "unusable", ...problem })), ...lintRules(set)] };
}

/** The specification's own examples of rules, correlations and filters: each is read, or refused for what it needs. */
export function sigmaExamples(): readonly (readonly [file: string, why: string])[] {
  const { files } = readRuleFolder(sigmaVectors("spec", "schema"));
  return files.map(
    ({ path, text }) => [path, loadRules([{ path, text }], new Map()).problems[0]?.why ?? "read"] as const,
  );
}
