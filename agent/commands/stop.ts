import { AppError } from "@provost/shared/lib/app-error.ts";
import { hashStopCode } from "../gate/stop-code.ts";
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
  const answer = await askAgent(request, { ask: "stop", ...(secret === undefined ? {} : { secret }) });
  if (request.json) request.terminal.out(jsonLine(answer));
  else if ("says" in answer) request.terminal.out(answer.says);
  return exitCodes.asWanted;
}
