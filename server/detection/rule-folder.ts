import { createHash } from "node:crypto";
import { readRuleFolder } from "./sigma/folder.ts";
import { loadRules } from "./sigma/rule-set.ts";
import type { RuleFile, RuleSet } from "./sigma/rule-set.ts";

const lookEveryMs = 30_000;

/**
 * The owner's folder of Sigma rules, read again when anything in it changes. A folder that cannot be read, or in which nothing can be used,
 * leaves the rules that were there; single rules that cannot be used are counted and left out (`provost-server rules lint` says why).
 */
export function followRules(
  folder: string,
  use: (rules: RuleSet) => void,
  log: (line: string) => void,
  everyMs = lookEveryMs,
): () => void {
  let seen = "";
  const look = (): void => {
    try {
      const { files, problems } = readRuleFolder(folder);
      const stamp = `${stampOf(files)} ${problems.length}`;
      if (stamp === seen) return;
      const rules = loadRules(files, new Map());
      seen = stamp;
      const left = problems.length + rules.problems.length;
      if (left > 0 && rules.rules.length + rules.correlations.length === 0)
        return log(`rules: none of ${folder} can be used; the rules at hand stay`);
      use(rules);
      log(
        `rules: ${rules.rules.length} rules and ${rules.correlations.length} correlations from ${folder}${left === 0 ? "" : `; ${left} cannot be used`}`,
      );
    } catch (cause) {
      log(`rules: ${cause instanceof Error ? cause.message : String(cause)}; the rules at hand stay`);
    }
  };
  look();
  const timer = setInterval(look, everyMs);
  return () => clearInterval(timer);
}

/** By what is written in them: an edit may keep length and time. */
function stampOf(files: readonly RuleFile[]): string {
  const hash = createHash("sha256");
  for (const { path, text } of files) hash.update(JSON.stringify([path, text]));
  return hash.digest("hex");
}
