import { userInfo } from "node:os";
import type { ControlAnswer } from "../gate/control-words.ts";
import { askAgent } from "./ask-agent.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { jsonLine } from "./terminal.ts";

/** `provost request CODE`: asks the owner to let a stopped program run. */
export async function requestApproval(request: Request, code: string, reason: string | undefined): Promise<ExitCode> {
  const answer = await askAgent(request, { ask: "request", code, ...(reason === undefined ? {} : { reason }) });
  tell(
    request,
    answer,
    "  It is in the owner's list of approvals. On this device root may answer:  provost approve " + code,
  );
  return exitCodes.asWanted;
}

export interface ApproveOptions {
  readonly hours: number;
  readonly reason: string;
}

/** `provost approve CODE|DIGEST`: these bytes may run on this device, for some hours. */
export async function approve(request: Request, subject: string, { hours, reason }: ApproveOptions): Promise<ExitCode> {
  const owner = request.env["SUDO_USER"] ?? userInfo().username;
  const answer = await askAgent(request, { ask: "approve", subject, hours, reason, owner: owner.slice(0, 100) });
  tell(request, answer);
  return exitCodes.asWanted;
}

function tell({ terminal, json }: Request, answer: Extract<ControlAnswer, { ok: true }>, more?: string): void {
  if (json) return terminal.out(jsonLine(answer));
  if ("says" in answer) terminal.out(answer.says, "good");
  if (more !== undefined) terminal.out(more);
}
