import { connect } from "node:net";
import { join } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { controlFolder } from "../config.ts";
import type { ControlAnswer, OwnerQuestion } from "../gate/control-words.ts";
import { mostLineBytes, openSocket, ownerSocket } from "../gate/control-words.ts";
import type { Request } from "./request.ts";

const patienceMs = 10_000;

/** Where the daemon of this state folder is asked: $PROVOST_CONTROL, else beside it. */
export const controlOf = ({ folder, env }: Pick<Request, "folder" | "env">): string =>
  env["PROVOST_CONTROL"] ?? controlFolder(folder);

/** Asks the daemon. Throws NOT_FOUND where none answers and NOT_ALLOWED where only the owner may ask. */
export async function askAgent(
  request: Pick<Request, "folder" | "env">,
  question: OwnerQuestion,
): Promise<Extract<ControlAnswer, { ok: true }>> {
  const isOwners = question.ask === "approve" || question.ask === "stop" || question.ask === "release";
  const path = join(controlOf(request), isOwners ? ownerSocket : openSocket);
  const answer = await exchange(path, question, isOwners);
  if (answer.ok) return answer;
  throw new AppError(
    answer.code,
    answer.why,
    answer.code === "NOT_FOUND" && question.ask !== "release"
      ? { remedy: "the code stands on the terminal where the program was stopped" }
      : {},
  );
}

/** The same, undefined where no daemon answers. */
export async function askAgentIfAny(
  request: Pick<Request, "folder" | "env">,
  question: OwnerQuestion,
): Promise<ControlAnswer | undefined> {
  try {
    return await exchange(join(controlOf(request), openSocket), question, false);
  } catch {
    return undefined;
  }
}

function exchange(path: string, question: OwnerQuestion, isOwners: boolean): Promise<ControlAnswer> {
  return new Promise((resolve, reject) => {
    const peer = connect({ path });
    const chunks: Buffer[] = [];
    let bytes = 0;
    peer.setTimeout(patienceMs, () => peer.destroy(new Error("it does not answer")));
    peer.on("connect", () => peer.write(`${JSON.stringify(question)}\n`));
    peer.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > 4 * mostLineBytes) peer.destroy(new Error("its answer is too long"));
    });
    peer.on("error", (cause) => reject(unreachableControl(path, cause, isOwners)));
    peer.on("end", () => {
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")) as ControlAnswer);
      } catch (cause) {
        reject(unreachableControl(path, cause, isOwners));
      }
    });
  });
}

function unreachableControl(path: string, cause: unknown, isOwners: boolean): AppError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EACCES" || code === "EPERM")
    return new AppError("NOT_ALLOWED", `this user may not use ${path}`, {
      cause,
      remedy: isOwners ? "run the command as root" : "run the command as the user the agent runs as",
    });
  const why = code === "ENOENT" || code === "ECONNREFUSED" ? "no agent with a gate answers there" : String(cause);
  return new AppError("NOT_FOUND", `the agent cannot be asked at ${path}: ${why}`, {
    cause,
    remedy: "see whether the agent runs (provost doctor), or name its folder with --state",
  });
}
