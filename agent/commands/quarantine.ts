import { userInfo } from "node:os";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { Journal } from "../actions/journal.ts";
import type { JournalEntry } from "../actions/journal.ts";
import type { Sealed } from "../host/file.ts";
import type { State } from "../state/state.ts";
import { askAgent } from "./ask-agent.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { needState } from "./state-reader.ts";
import { jsonLine } from "./terminal.ts";

/** One file that an order sealed on this device. */
interface SealedFile {
  readonly command: string;
  readonly path: string;
  readonly sha256: string;
  readonly by: string;
  readonly reason: string;
  readonly ordered: number;
  /** Where it lies now. */
  readonly vault: string;
  readonly otherNames: number;
}

/** `provost quarantine list`: what lies in the vault, and on whose order. */
export function quarantineList({ folder, json, terminal }: Request): ExitCode {
  const state = needState(folder);
  try {
    const files = sealedFiles(state);
    for (const file of files) {
      if (json) terminal.out(jsonLine(file));
      else {
        terminal.out(`${file.command}  ${file.path}`, "head");
        terminal.out(`  SHA-256 ${file.sha256}`);
        terminal.out(`  ordered ${new Date(file.ordered).toISOString()} by ${file.by}: ${file.reason}`);
        if (file.otherNames > 0) terminal.out(`  other names of the same file: ${file.otherNames}`);
      }
    }
    if (!json && files.length === 0) terminal.out("Nothing is sealed on this device.");
    if (!json && files.length > 0) terminal.out("  To put one back, as root:  provost quarantine restore NAME", "weak");
    return exitCodes.asWanted;
  } finally {
    state.close();
  }
}

/** `provost quarantine restore`: undoes the order, by the running agent, so that journal and audit say who did it. */
export async function quarantineRestore(request: Request, subject: string): Promise<ExitCode> {
  const state = needState(request.folder);
  const found = sealedFiles(state).filter(({ command, path, sha256 }) => [command, path, sha256].includes(subject));
  state.close();
  const [file] = found;
  if (file === undefined)
    throw new AppError("NOT_FOUND", `nothing that is sealed here has the name, the path or the digest ${subject}`, {
      remedy: "see what is sealed: provost quarantine list",
    });
  if (found.length > 1)
    throw new AppError("CONFIG_INVALID", `${found.length} sealed files are meant by ${subject}`, {
      remedy: `name one: ${found.map(({ command }) => command).join(", ")}`,
    });
  const owner = request.env["SUDO_USER"] ?? userInfo().username;
  const answer = await askAgent(request, { ask: "release", command: file.command, owner: owner.slice(0, 100) });
  if (request.json) request.terminal.out(jsonLine({ command: file.command, path: file.path, restored: true }));
  else if ("says" in answer) request.terminal.out(answer.says, "good");
  return exitCodes.asWanted;
}

const sealedFiles = (state: State): readonly SealedFile[] => new Journal(state).standing().flatMap(sealedFile);

function sealedFile({ command, steps }: JournalEntry): readonly SealedFile[] {
  if (command.order.action !== "quarantine-file") return [];
  const { root, path, sha256 } = command.order;
  const memory = steps.find(({ step }) => step.step === "seal-file")?.memory as Sealed | undefined;
  if (memory === undefined) return [];
  return [
    {
      command: command.id,
      path: root + path,
      sha256,
      by: command.by,
      reason: command.reason,
      ordered: command.issuedAt,
      vault: memory.vault,
      otherNames: memory.otherNames,
    },
  ];
}
