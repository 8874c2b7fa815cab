import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import type { Describing } from "./describe-documents.ts";
import type { EnrolQuestion } from "./enrol.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { LabQuestion } from "./lab.ts";
import type { Request } from "./request.ts";

/** The verbs that set a device up. */
export interface SetupVerbs {
  enrol(request: Request, asked: EnrolQuestion): Promise<ExitCode>;
  configCheck(request: Request, file: string | undefined): Promise<ExitCode>;
  labRun(request: Request, asked: LabQuestion): Promise<ExitCode>;
}

interface Common {
  readonly json?: boolean;
  readonly state?: string;
}

export function describeSetup(verbs: SetupVerbs, { verb, group, request, end }: Describing): void {
  verb("enrol", "make this device known to a server: looks at the way there, writes the settings, starts the agent")
    .requiredOption("--server <url>", "the server's address for agents, as the console shows it")
    .option("--token-file <file>", "holds the enrolment token; - or nothing: standard input")
    .option("--proxy <url>", "an HTTP proxy on the way to the server")
    .option("--config <file>", "the settings to write, instead of /etc/provost/agent.conf")
    .option("--again", "although this device is enrolled already")
    .option("--wait <seconds>", "for the agent's session, also where it was not started from here", seconds)
    .action(async ({ json: _json, state: _state, ...asked }: EnrolQuestion & Common, command: Command) =>
      end(await verbs.enrol(request(command), asked)),
    );
  const lab = group("lab", "try something in a root that is thrown away, without a network");
  verb("run", "run a script there and say what Provost saw, recognised and did", lab)
    .requiredOption("--script <file>", "a shell script; it finds this machine's everyday programs, node and npm")
    .option("--root <folder>", "a folder to copy as its root, instead")
    .option("--files <folder>", "what the script needs: it finds a copy as /lab/files")
    .option("--minutes <number>", "so long at most", minutes, 2)
    .option("--policy <file>", "the gate's policy; else everything is recorded and nothing stopped")
    .option("--rules <folder>", "a folder of Sigma rules beside the built-in ones")
    .option("--log <file>", "write every event there, one JSON object a line")
    .addOption(
      new Option("--respond <severity>", "contain by itself from this severity on")
        .choices(["off", "medium", "high", "critical"])
        .default("off"),
    )
    .option("--server-program <file>", "the server's program, where it does not lie beside this one")
    .action(async ({ json: _json, state: _state, ...asked }: LabQuestion & Common, command: Command) =>
      end(await verbs.labRun(request(command), asked)),
    );
  const config = group("config", "read the settings of the agent");
  verb("check", "say where each setting comes from, and what is wrong", config)
    .argument("[file]", "instead of /etc/provost/agent.conf")
    .action(async (file: string | undefined, _options: object, command: Command) =>
      end(await verbs.configCheck(request(command), file)),
    );
}

function minutes(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && value <= 60) return value;
  throw new InvalidArgumentError("wanted a number of minutes up to 60.");
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0 && value <= 600) return value;
  throw new InvalidArgumentError("wanted a number of seconds up to 600.");
}
