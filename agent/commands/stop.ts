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
  const hash = hashOfSettings(request);
  // The daemon may have been started before the code was set.
  if (hash !== undefined && !isStopCode(secret ?? "", hash))
    throw new AppError("NOT_ALLOWED", "stopping needs the owner's code, and this is not it");
  const answer = await askAgent(request, { ask: "stop", ...(secret === undefined ? {} : { secret }) }).catch(
    (cause: unknown) => {
      // Whoever has the code is let through: a package can be removed from a machine whose agent does not run.
      if (hash === undefined || !(cause instanceof AppError) || cause.code !== "NOT_FOUND") throw cause;
      return { says: "The code is the owner's. No agent with a gate runs here." };
    },
  );
  if (request.json) request.terminal.out(jsonLine(answer));
  else if ("says" in answer) request.terminal.out(answer.says);
  return exitCodes.asWanted;
}

/** What this agent's settings say, where this user may read them: else the daemon alone decides. */
function hashOfSettings({ env, folder }: Request): string | undefined {
  try {
    const { values } = agentSettingsFrom([], env);
    const hash = values.get("stop-hash");
    return typeof hash === "string" && (values.get("state") ?? "/var/lib/provost") === folder ? hash : undefined;
  } catch {
    return undefined;
  }
}
