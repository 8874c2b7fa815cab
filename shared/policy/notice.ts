import { unreachable } from "../lib/unreachable.ts";
import type { Verdict } from "../model/verdict.ts";
import type { GateDecision } from "./gate-decision.ts";

/**
 * The two lines on the caller's terminal, before the shell's own error: what happened and why, then what to do. `path` is path text;
 * nothing here can move a cursor.
 */
export function noticeText(decision: GateDecision, verdict: Verdict, path: string, code: string): string {
  const away = decision.action === "quarantine" ? " The server is asked to seal it away." : "";
  const first = `${opening(decision)}: ${shortened(path)} ${reason(decision, verdict)}.${away}`;
  const ask = decision.request ? `  Approval was asked for as ${code}.` : `  Ask for it:  provost request ${code}`;
  return `${first}\n${decision.allow ? `  Why:  provost why ${code}` : `${ask}      Why:  provost why ${code}`}\n`;
}

const opening = ({ allow, action }: GateDecision): string =>
  allow ? "Warning" : action === "hold" ? "Held" : "Stopped";

function reason({ cause, rule }: GateDecision, verdict: Verdict): string {
  switch (verdict.standing) {
    case "unproven":
      return `has no proof of where it was built (${unproven[verdict.basis]})`;
    case "refuted":
      return `is not what it should be (${refuted[verdict.basis]})`;
    case "unchecked":
      return `could not be checked (wanted: ${verdict.wanted.slice(0, 200)})`;
    case "proven":
    case "signed":
      return cause === "expectation"
        ? `is ${verdict.standing}, but not as "${rule ?? "the policy"}" expects`
        : `is ${verdict.standing}, and "${rule ?? "the policy"}" wants more`;
    default:
      return unreachable(verdict);
  }
}

const unproven = {
  none: "nothing claims it",
  claimed: "only the file speaks for itself",
  recorded: "only an unsigned record on this device names it",
  pinned: "only a lockfile names it",
  generated: "it was made on this device",
} as const;
const refuted = {
  contradicted: "it differs from the file in its signed package",
  forged: "its signature does not hold",
  downgraded: "its package was better proven before",
  revoked: "its proof was withdrawn",
  malicious: "it is known as malicious",
} as const;

/** Two lines have to stay two lines on a terminal of usual width; the end of a path says more than its beginning. */
const shortened = (path: string): string => (path.length <= longestPath ? path : `...${path.slice(-longestPath + 3)}`);
const longestPath = 300;
