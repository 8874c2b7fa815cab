import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { ApproveOptions } from "./approvals.ts";
import type { DoctorQuestion } from "./doctor.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";

/** The verbs about what stands before the start of a program. */
export interface GateVerbs {
  doctor(request: Request, asked: DoctorQuestion): Promise<ExitCode>;
  requestApproval(request: Request, code: string, reason: string | undefined): Promise<ExitCode>;
  approve(request: Request, subject: string, options: ApproveOptions): Promise<ExitCode>;
  stopAgent(request: Request, makeHash: boolean): Promise<ExitCode>;
}

export interface Describe {
  readonly verb: (name: string, description: string) => Command;
  readonly request: (command: Command) => Request;
  readonly end: (code: ExitCode) => void;
}

export function describeGate(verbs: GateVerbs, { verb, request, end }: Describe): void {
  verb("doctor", "what can the gate do on this machine, is the way to the server clear, and what to do about it")
    .option("--server <url>", "before enrolling: the server's address for agents")
    .option("--token-file <file>", "with --server: is this token that server's")
    .option("--proxy <url>", "with --server: an HTTP proxy on the way")
    .action(async ({ server, tokenFile, proxy }: DoctorQuestion, command: Command) =>
      end(
        await verbs.doctor(request(command), {
          ...(server === undefined ? {} : { server }),
          ...(tokenFile === undefined ? {} : { tokenFile }),
          ...(proxy === undefined ? {} : { proxy }),
        }),
      ),
    );
  verb("request", "ask the owner to let a stopped program run")
    .argument("<code>", "the code that stands on the terminal", code)
    .option("--reason <text>", "why it is needed")
    .action(async (asked: string, { reason }: { reason?: string }, command: Command) =>
      end(await verbs.requestApproval(request(command), asked, reason)),
    );
  verb("approve", "let a program run on this device for some hours (root)")
    .argument("<code-or-digest>", "the code of what was stopped, or a whole SHA-256", codeOrDigest)
    .option("--hours <hours>", "for how long", hours, 24)
    .option("--reason <text>", "why", "approved on the device")
    .action(async (subject: string, options: ApproveOptions, command: Command) =>
      end(await verbs.approve(request(command), subject, { hours: options.hours, reason: options.reason })),
    );
  verb("stop", "end the agent and open the gate (root; the owner's code in $PROVOST_STOP_CODE)")
    .option("--make-hash", "print what the configuration holds of the code in $PROVOST_STOP_CODE, and stop nothing")
    .action(async ({ makeHash }: { makeHash?: boolean }, command: Command) =>
      end(await verbs.stopAgent(request(command), makeHash === true)),
    );
}

function code(text: string): string {
  if (/^[0-9a-f]{6,12}$/.test(text)) return text;
  throw new InvalidArgumentError("wanted the 6 to 12 digits that stand on the terminal.");
}

function codeOrDigest(text: string): string {
  if (/^(?:[0-9a-f]{6,12}|[0-9a-f]{64})$/.test(text)) return text;
  throw new InvalidArgumentError("wanted the 6 to 12 digits that stand on the terminal, or the 64 of a SHA-256.");
}

function hours(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 8760) return value;
  throw new InvalidArgumentError("wanted a number of hours up to 8760.");
}
