import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import { isSha256 } from "@provost/shared/model/ids.ts";
import type { GateDecision } from "@provost/shared/protocol/gate-frames.ts";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { State } from "../state/state.ts";
import { keepApproval } from "./approvals.ts";
import { denialOf } from "./denials.ts";
import type { ControlAnswer, GateStatus, OwnerQuestion } from "./control-words.ts";
import { isStopCode } from "./stop-code.ts";
import type { StoppedFiles } from "./stopped.ts";

export interface ControlParts {
  readonly state: State;
  readonly stopped: StoppedFiles;
  readonly stopHash: string | undefined;
  readonly now: () => Instant;
  readonly status: () => GateStatus;
  readonly request: (item: GateDecision, reason: string) => void;
  /** What is remembered of these bytes is no answer any more. */
  readonly forget: (digest: Sha256) => void;
  /** Undoes what an order did on this device, and says so. */
  readonly release: (id: string, by: string) => Promise<string>;
  /** Leave in order, and take the gate down. */
  readonly stop: () => void;
}

/** What the daemon answers at its control sockets. */
export function answerPeople(question: OwnerQuestion, parts: ControlParts): ControlAnswer | Promise<ControlAnswer> {
  switch (question.ask) {
    case "status":
      return { ok: true, status: parts.status() };
    case "why": {
      const found = parts.stopped.find(question.code);
      return found === undefined
        ? unknown(question.code)
        : { ok: true, decision: found.decision, says: found.decision.why };
    }
    case "request": {
      const found = parts.stopped.find(question.code);
      if (found === undefined) return unknown(question.code);
      if (found.digest === undefined)
        return {
          ok: false,
          code: "NOT_FOUND",
          why: `${found.decision.path} could not be read, so there is nothing to approve`,
        };
      parts.request(found.decision, question.reason ?? "");
      return {
        ok: true,
        decision: found.decision,
        says: `Asked for approval of ${found.decision.path} as ${found.code}.`,
      };
    }
    case "approve":
      return approve(question, parts);
    case "release":
      return release(question, parts);
    case "stop": {
      if (parts.stopHash !== undefined && !isStopCode(question.secret ?? "", parts.stopHash))
        return { ok: false, code: "NOT_ALLOWED", why: "stopping needs the owner's code, and this is not it" };
      parts.stop();
      return { ok: true, says: "The agent stops, and the gate is open." };
    }
    default:
      return unreachable(question);
  }
}

function approve(
  question: Extract<OwnerQuestion, { ask: "approve" }>,
  { state, stopped, now, forget }: ControlParts,
): ControlAnswer {
  const found = isSha256(question.subject) ? undefined : stopped.find(question.subject);
  const digest = isSha256(question.subject) ? question.subject : found?.digest;
  if (digest === undefined) return unknown(question.subject);
  if (found?.decision.standing === "refuted")
    return {
      ok: false,
      code: "NOT_ALLOWED",
      why: `evidence speaks against ${found.decision.path}, and no approval allows that: ${found.decision.why}`,
    };
  const at = now();
  const denial = denialOf(state, digest, at);
  if (denial !== undefined)
    return {
      ok: false,
      code: "NOT_ALLOWED",
      why: `the server's order ${denial} blocks these bytes, and no approval on the device lifts that: the order has to be undone`,
    };
  const expires = (at + Math.round(question.hours * 3_600_000)) as Instant;
  const { owner, reason } = question;
  keepApproval(state, { digest, code: found?.code ?? question.subject.slice(0, 12), owner, reason, at, expires });
  forget(digest);
  return {
    ok: true,
    says: `${found?.decision.path ?? digest} may run on this device until ${new Date(expires).toISOString()}, approved by ${owner}: ${reason}`,
  };
}

async function release(
  { command, owner }: Extract<OwnerQuestion, { ask: "release" }>,
  parts: ControlParts,
): Promise<ControlAnswer> {
  try {
    return { ok: true, says: await parts.release(command, owner) };
  } catch (cause) {
    if (cause instanceof AppError && (cause.code === "NOT_ALLOWED" || cause.code === "NOT_FOUND"))
      return { ok: false, code: cause.code, why: cause.message };
    throw cause;
  }
}

const unknown = (subject: string): ControlAnswer => ({
  ok: false,
  code: "NOT_FOUND",
  why: `nothing that was stopped or warned about here has the code ${subject}`,
});
