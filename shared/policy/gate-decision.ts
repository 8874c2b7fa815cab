import type { GateMode } from "../model/gate.ts";
import type { Instant } from "../model/ids.ts";
import { decide, type Decision } from "./decide.ts";
import { stops } from "./gate.ts";
import { actions, type Action, type Match, type Policy } from "./rules.ts";
import type { Situation } from "./situation.ts";

/** What the gate does with one file, how long that may be remembered and who is told. */
export interface GateDecision {
  readonly allow: boolean;
  /** What is done, under the mode's ceiling. */
  readonly action: Action;
  /** What the rules want, where the ceiling keeps it from happening. */
  readonly would?: Action;
  readonly cause: Decision["cause"] | "lineage";
  readonly rule?: string;
  readonly why: string;
  readonly policy: number;
  readonly kind: "verdict" | "lineage" | "exception";
  readonly remember: "none" | "file" | "digest";
  /** 0: until the file changes. */
  readonly forMs: number;
  /** The person at the terminal reads why. */
  readonly notice: boolean;
  /** A request for approval is filed by itself. */
  readonly request: boolean;
}

export interface GateQuestion {
  readonly situation: Situation;
  readonly mode: GateMode;
  readonly now: Instant;
  /** Until when the file's maker vouches for it: it was written here by a verified compiler or package manager. */
  readonly lineageUntil?: Instant;
  /** The verdict rests on where the file lies, not on its bytes alone. */
  readonly byPlace: boolean;
  /** Something to start that came to this device after sealing was turned on there. */
  readonly isNew: boolean;
  readonly denyMs: number;
}

/**
 * The mode is a ceiling over what the rules want: off and record let everything run, warn also tells, hold stops what is to be held
 * or blocked and asks for approval by itself, block does as the rules say but seals nothing, quarantine also seals what is blocked
 * and new. Lineage ranks last: it answers only where nothing but
 * the lack of proof speaks against a file.
 */
export function gateDecision(question: GateQuestion, policy: Policy): GateDecision {
  const { situation, mode, now } = question;
  const wish = decide(situation, { ...policy, mode: "enforce" }, now);
  const lineage = question.lineageUntil !== undefined && isExcusedByLineage(wish, situation);
  const ruled: Action = lineage ? "allow" : wish.action;
  const wanted: Action = mode === "quarantine" && ruled === "block" && question.isNew ? "quarantine" : ruled;
  const action = under(mode, wanted);
  const allow = !isStopping(action);
  const until = lineage ? question.lineageUntil : exceptionEnd(wish, policy);
  const base = {
    allow,
    action,
    ...(action === wanted ? {} : { would: wanted }),
    cause: lineage ? ("lineage" as const) : wish.cause,
    ...(wish.rule === undefined || lineage ? {} : { rule: wish.rule }),
    why: lineage ? situation.verdict.says : wish.why,
    policy: policy.number,
    kind: lineage ? ("lineage" as const) : wish.cause === "exception" ? ("exception" as const) : ("verdict" as const),
  };
  return {
    ...base,
    ...memory(question, policy, allow, until),
    notice: tells(mode) && rank(wanted) >= rank("warn"),
    request: mode === "hold" && !allow,
  };
}

const rank = (action: Action): number => actions.indexOf(action);
const isStopping = (action: Action): boolean => rank(action) >= rank("hold");
const tells = (mode: GateMode): boolean => mode === "warn" || stops(mode);

const strongest: Readonly<Record<GateMode, Action>> = {
  off: "record",
  record: "record",
  warn: "warn",
  hold: "hold",
  block: "block",
  quarantine: "quarantine",
};
const under = (mode: GateMode, wanted: Action): Action =>
  rank(wanted) > rank(strongest[mode]) ? strongest[mode] : wanted;

/**
 * Evidence against a file, and an expectation that is not met, are no lack of proof. Where the rules are content with what was made
 * here, that holds as long as the lineage does, too.
 */
const isExcusedByLineage = ({ cause }: Decision, { verdict }: Situation): boolean =>
  (cause === "requirement" || cause === "allowed") && verdict.standing === "unproven";

function exceptionEnd(wish: Decision, policy: Policy): number | undefined {
  if (wish.cause !== "exception") return undefined;
  return policy.exceptions.find(({ name }) => name === wish.rule)?.expires;
}

/**
 * What depended on who asked is not remembered at all: the next one who asks may be another. What depended on the file's place is
 * remembered of that file only; a rename changes it. Denials stay short, so that an approval helps at once.
 */
function memory(
  { byPlace, denyMs, now, situation }: GateQuestion,
  policy: Policy,
  allow: boolean,
  until: number | undefined,
): Pick<GateDecision, "remember" | "forMs"> {
  if (dependsOn(policy, byAsker) || isPassing(situation)) return { remember: "none", forMs: 0 };
  if (!allow) return { remember: "file", forMs: denyMs };
  const forMs = until === undefined ? 0 : Math.max(1, until - now);
  return { remember: byPlace || dependsOn(policy, byFile) ? "file" : "digest", forMs };
}

/** A check that did not end, or bytes that were not read, say nothing that would hold for the next time. */
const isPassing = ({ verdict: { standing, basis } }: Situation): boolean =>
  standing === "unchecked" && (basis === "deadline" || basis === "unreadable");

const byAsker = ({ user, listening, when }: Match): boolean =>
  user !== undefined || listening !== undefined || (when !== undefined && /\b(?:user|listening)\b/.test(when.text));
const byFile = ({ path, privileged, when }: Match): boolean =>
  path !== undefined || privileged !== undefined || when !== undefined;

const dependsOn = (policy: Policy, isSo: (match: Match) => boolean): boolean =>
  policy.requirements.some(({ match }) => isSo(match)) || policy.exceptions.some(({ match }) => isSo(match));
