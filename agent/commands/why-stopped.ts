import type { GateDecision } from "@provost/shared/protocol/gate-frames.ts";
import { stoppedAt } from "../gate/stopped.ts";
import { askAgentIfAny } from "./ask-agent.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { findState } from "./state-reader.ts";
import { jsonLine } from "./terminal.ts";

/** The decision behind a code on a terminal: from the daemon, which anybody may ask, else from its state. */
export async function decisionOf(request: Request, code: string): Promise<GateDecision | undefined> {
  const answer = await askAgentIfAny(request, { ask: "why", code });
  if (answer?.ok === true && "decision" in answer) return answer.decision;
  const found = findState(request.folder);
  if (found.kind !== "open") return undefined;
  try {
    return stoppedAt(found.state, code)?.decision;
  } finally {
    found.state.close();
  }
}

/** `provost why CODE`. */
export function explainStopped({ terminal, json }: Request, decision: GateDecision): ExitCode {
  if (json) terminal.out(jsonLine({ decision }));
  else for (const [line, tone] of decisionLines(decision)) terminal.out(line, tone);
  if (!decision.allowed) return exitCodes.blocked;
  return decision.standing === "unproven" || decision.standing === "unchecked" || decision.standing === "refuted"
    ? exitCodes[decision.standing]
    : exitCodes.asWanted;
}

function decisionLines(decision: GateDecision): readonly (readonly [string, "good" | "bad" | "plain" | "head"])[] {
  const { process: by, would, rule } = decision;
  const done = decision.allowed ? `ran (${decision.action})` : `did not run (${decision.action})`;
  return [
    [`${decision.root}${decision.path}: ${done}`, decision.allowed ? "head" : "bad"],
    [`  Why      ${decision.why}`, "plain"],
    [`  Verdict  ${decision.standing}: ${decision.basis}`, "plain"],
    [
      `  Decided  policy ${decision.policy}${rule === undefined ? "" : `, "${rule}"`}, cause ${decision.cause}, mode ${decision.mode}, tier ${decision.tier}`,
      "plain",
    ],
    ...(would === undefined ? [] : [[`  Would    under a stricter mode: ${would}`, "plain"] as const]),
    [`  SHA-256  ${decision.sha256 ?? "none: it could not be read"}`, "plain"],
    [
      `  Asked    ${by.executable} (process ${by.pid}, user ${by.uid})${by.command === undefined ? "" : `: ${by.command.slice(0, 200)}`}`,
      "plain",
    ],
    [`  When     ${new Date(decision.at).toISOString()}`, "plain"],
    ...(decision.allowed
      ? []
      : [
          [
            `  Next     provost request ${decision.code}; root may answer with provost approve ${decision.code}`,
            "plain",
          ] as const,
        ]),
  ];
}
