import { unreachable } from "../lib/unreachable.ts";
import type { Decision } from "./decide.ts";
import type { Situation } from "./situation.ts";

/** The two lines a person at the device reads: what happened and why, then what would settle it. */
export function explain(decision: Decision, { verdict, file }: Situation): readonly [string, string] {
  const rule = decision.rule === undefined ? "" : ` by "${decision.rule}"`;
  const would = decision.would === undefined ? "" : ` Enforcing, it would be: ${decision.would}.`;
  return [
    `${file.path}: ${done[decision.action]}${rule}, policy ${decision.policy}. ${decision.why}${would}`,
    remedy(decision, verdict),
  ];
}

const done = {
  allow: "allowed",
  record: "allowed and recorded",
  warn: "allowed with a warning",
  hold: "held until someone approves it",
  block: "blocked",
  quarantine: "put into quarantine",
} as const;

function remedy(decision: Decision, verdict: Situation["verdict"]): string {
  if (decision.cause === "allowed" || decision.cause === "exception") return "Nothing is wanted.";
  switch (verdict.standing) {
    case "unchecked":
      return `Wanted: ${verdict.wanted}.`;
    case "refuted":
      return "Evidence speaks against this file; no exception can allow it. Ask the owner of the policy.";
    case "proven":
    case "signed":
    case "unproven": {
      const missing = verdict.chain.find(({ state }) => state === "missing" || state === "failed");
      return missing === undefined
        ? "Ask the owner of the policy for an exception."
        : `Missing: ${missing.says}.`.replace(/\.\.$/, ".");
    }
    default:
      return unreachable(verdict);
  }
}
