import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Argument, Command, CommanderError, Option } from "commander";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { manualPage } from "@provost/shared/lib/manual-page.ts";
import { shellCompletion, shells } from "@provost/shared/lib/shell-completion.ts";
import type { Shell } from "@provost/shared/lib/shell-completion.ts";
import type { EcosystemId } from "@provost/shared/model/inventory.ts";
import { ecosystemIds } from "@provost/shared/model/inventory.ts";
import type { Standing } from "@provost/shared/model/verdict.ts";
import { standings } from "@provost/shared/model/verdict.ts";
import { productVersion } from "@provost/shared/protocol/version.ts";
import { commandTable } from "./command-table.ts";
import { describeContainment, type ContainmentVerbs } from "./describe-containment.ts";
import { describeDocuments, type DocumentVerbs } from "./describe-documents.ts";
import { describeGate, type GateVerbs } from "./describe-gate.ts";
import { describeSetup, type SetupVerbs } from "./describe-setup.ts";
import type { ExitCode } from "./exit-codes.ts";
import { exitCodes, exitOfError } from "./exit-codes.ts";
import type { InventoryFilter } from "./inventory.ts";
import type { Request } from "./request.ts";
import type { SbomOptions } from "./sbom.ts";
import { interrupted } from "./scan.ts";
import type { Terminal } from "./terminal.ts";
import { describeVerify, each, type VerifyQuestion } from "./verify-options.ts";
import type { WhyQuestion } from "./why.ts";

export interface Verbs extends ContainmentVerbs, DocumentVerbs, GateVerbs, SetupVerbs {
  status(request: Request): ExitCode;
  inventory(request: Request, filter: InventoryFilter): ExitCode;
  scan(request: Request, folders: readonly string[], deep: boolean): Promise<ExitCode>;
  verify(request: Request, files: readonly string[], asked: VerifyQuestion): Promise<ExitCode>;
  why(request: Request, subject: string, asked: WhyQuestion): Promise<ExitCode>;
  sbom(request: Request, subject: string, options: SbomOptions): ExitCode;
}

export interface World {
  readonly terminal: Terminal;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  now(): number;
  readonly stop: AbortSignal;
}

/** Reads the arguments, runs one verb, and answers with what the process is to exit with. Never throws. */
export async function run(args: readonly string[], verbs: Verbs, world: World): Promise<ExitCode> {
  let code: ExitCode = exitCodes.asWanted;
  const program = describe(verbs, world, (ended) => {
    code = ended;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (cause) {
    return failed(world, cause);
  }
}

function describe(verbs: Verbs, world: World, end: (code: ExitCode) => void): Command {
  const program = new Command("provost")
    .description("Where did the program that is running come from?")
    .version(productVersion)
    .addOption(stateOption())
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.terminal.outText(text),
      writeErr: (text) => world.terminal.noteText(text),
    })
    .addHelpText("after", `\n${exitHelp}`);
  const verb = (name: string, description: string, under: Command = program): Command =>
    under
      .command(name)
      .description(description)
      .addOption(stateOption().hideHelp())
      .option("--json", "answer as JSON: one document, or one line for each item");
  const request = (command: Command): Request => requestOf(command.optsWithGlobals(), world);

  verb("status", "is this device enrolled, what did the last pass find, what could it not see").action(
    (_options: object, command: Command) => end(verbs.status(request(command))),
  );
  verb("inventory", "what is installed, or what could run")
    .option("--executables", "list executable files instead of packages")
    .addOption(new Option("--standing <standing>", "only these").choices(standings))
    .addOption(new Option("--ecosystem <ecosystem>", "only of this ecosystem").choices(ecosystemIds))
    .action((options: RawFilter, command: Command) =>
      end(
        verbs.inventory(request(command), {
          executables: options.executables === true,
          standing: options.standing,
          ecosystem: options.ecosystem,
        }),
      ),
    );
  verb("scan", "look at the whole device now, or at these folders")
    .argument("[folder...]")
    .option("--deep", "look into files that are named as data, too")
    .action(async (folders: string[], options: { deep?: boolean }, command: Command) =>
      end(await verbs.scan(request(command), folders, options.deep === true)),
    );
  describeVerify(verb("verify", "hash these files now and judge them")).action(
    async (files: string[], { json: _json, state: _state, ...asked }: VerifyQuestion & Common, command: Command) =>
      end(await verbs.verify(request(command), files, asked)),
  );
  verb("why", "explain one verdict: the chain, the owner, what runs it now")
    .argument("<file-or-digest-or-code>", "a file, 6 to 64 digits of a SHA-256, or the code of what was stopped")
    .option("--bundle <file>", "a document about the file; may be repeated", each)
    .option("--evidence <folder>", "a folder of such documents")
    .option("--trust <file>", "the trust document instead of the one Provost carries")
    .option("--key <file>", "a public key that counts; may be repeated", each)
    .action(async (subject: string, { json: _json, state: _state, ...asked }: WhyQuestion & Common, command: Command) =>
      end(await verbs.why(request(command), subject, asked)),
    );
  verb("sbom", "write a bill of materials: CycloneDX or SPDX, on standard output")
    .argument("[subject]", "a folder, a file, or device: what the agent knows of this one", "device")
    .addOption(new Option("--format <format>", "in which format").choices(["cyclonedx", "spdx"]).default("cyclonedx"))
    .option("--spec-version <version>", "cyclonedx: 1.6 (else) or 1.7; spdx: 2.3 (else) or 3.0.1")
    .option("--timestamp <time>", "when it was made; else $SOURCE_DATE_EPOCH, else now")
    .option("--serial <uuid>", "its serial number; else one derived from its content")
    .action((subject: string, { format, specVersion, timestamp, serial }: RawSbom, command: Command) => {
      const sourceDateEpoch = world.env["SOURCE_DATE_EPOCH"];
      end(verbs.sbom(request(command), subject, { format, specVersion, timestamp, serial, sourceDateEpoch }));
    });
  describeGate(verbs, { verb, request, end });
  const group = (name: string, description: string): Command => program.command(name).description(description);
  describeDocuments(verbs, { verb, group, request, end });
  describeContainment(verbs, { verb, group, request, end });
  describeSetup(verbs, { verb, group, request, end });
  // Both are made of what stands above, so that neither can say anything else than the program does.
  program
    .command("completion")
    .description("print the completion of this command line for a shell")
    .addArgument(new Argument("[shell]", "which shell reads it").choices(shells).default("bash"))
    .action((shell: Shell) => world.terminal.outText(shellCompletion(shell, program.name(), commandTable(program))));
  program
    .command("manual")
    .description("print the manual page, as man reads it")
    .action(() => world.terminal.outText(manualPage(program.name(), productVersion, commandTable(program), exitHelp)));
  return program;
}

/** What every verb takes; the request carries it. */
interface Common {
  readonly json?: boolean;
  readonly state?: string;
}

interface RawFilter {
  readonly executables?: boolean;
  readonly standing?: Standing;
  readonly ecosystem?: EcosystemId;
}

interface RawSbom {
  readonly format: SbomOptions["format"];
  readonly specVersion?: string;
  readonly timestamp?: string;
  readonly serial?: string;
}

const stateOption = (): Option => new Option("--state <folder>", "the agent's state folder");

const exitHelp = `Exit codes: 0 as wanted, 1 refuted, 2 usage, 3 unproven, 4 unchecked, 5 blocked by policy, 6 permission, 7 partial.
The state folder is --state, else $PROVOST_STATE, else .provost/agent here if it exists, else /var/lib/provost.`;

function requestOf(options: { state?: string; json?: boolean }, world: World): Request {
  return { ...world, folder: stateFolder(options.state, world), json: options.json === true };
}

export function stateFolder(option: string | undefined, { cwd, env }: Pick<World, "cwd" | "env">): string {
  const told = option ?? env["PROVOST_STATE"] ?? "";
  if (option === "") throw new AppError("CONFIG_INVALID", "--state: wanted the name of a folder, got nothing");
  if (told !== "") return resolve(cwd, told);
  const here = join(cwd, ".provost/agent");
  return existsSync(here) ? here : "/var/lib/provost";
}

function failed({ terminal, stop }: World, cause: unknown): ExitCode {
  terminal.progress(undefined);
  // commander has written its own message; help and version are no errors.
  if (cause instanceof CommanderError) return cause.exitCode === 0 ? exitCodes.asWanted : exitCodes.usage;
  const error = stop.aborted ? interrupted() : asAppError(cause);
  terminal.note(`${error.code}: ${error.message}`, "bad");
  if (error.remedy !== undefined) terminal.note(`  ${error.remedy}`);
  return exitOfError(error);
}

/** SQLite's complaints about a damaged database are the state's; anything else is ours, and says so. */
function asAppError(cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code.startsWith("SQLITE_"))
    return new AppError("STATE_UNUSABLE", `the agent's state cannot be used: ${why}`, {
      cause,
      remedy: "move the folder away: the agent then enrols and scans anew",
    });
  return new AppError("SCAN_FAILED", `unexpected: ${why}`, { cause });
}
