import { AppError } from "@provost/shared/lib/app-error.ts";
import { hashStopCode, isStopCode } from "../gate/stop-code.ts";
import { agentSettingsFrom } from "../settings.ts";
import { askAgent } from "./ask-agent.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { jsonLine } from "./terminal.ts";

/** `provost stop`: the daemon ends and opens the gate. The owner's code, where one is set, comes in $PROVOST_STOP_CODE, never as an argument. */
export async function stopAgent(request: Request, makeHash: boolean): Promise<ExitCode> {
  const secret = request.env["PROVOST_STOP_CODE"];
  if (makeHash) {
    if (secret === undefined || secret.length < 12)
      throw new AppError("CONFIG_INVALID", "PROVOST_STOP_CODE: wanted a code of at least 12 characters", {
        remedy: "put the code into that variable for this one command; other users see a command's arguments",
      });
    request.terminal.out(request.json ? jsonLine({ hash: hashStopCode(secret) }) : hashStopCode(secret));
    return exitCodes.asWanted;
  }
  const answer = await askAgent(request, { ask: "stop", ...(secret === undefined ? {} : { secret }) }).catch(
    (cause: unknown) => withoutAgent(request, secret, cause),
  );
  if (request.json) request.terminal.out(jsonLine(answer));
  else if ("says" in answer) request.terminal.out(answer.says);
  return exitCodes.asWanted;
}

/**
 * No agent answers, or one without a gate. Where a code is set it is asked for all the same, and whoever has it is let through: a
 * package can be removed from a machine whose agent does not run.
 */
function withoutAgent({ env, folder }: Request, secret: string | undefined, cause: unknown): { readonly says: string } {
  if (!(cause instanceof AppError) || cause.code !== "NOT_FOUND") throw cause;
  const { values } = agentSettingsFrom([], env);
  const hash = values.get("stop-hash");
  if (typeof hash !== "string" || (values.get("state") ?? "/var/lib/provost") !== folder) throw cause;
  if (!isStopCode(secret ?? "", hash))
    throw new AppError("NOT_ALLOWED", "stopping needs the owner's code, and this is not it", { cause });
  return { says: "The code is the owner's. No agent with a gate runs here." };
}
