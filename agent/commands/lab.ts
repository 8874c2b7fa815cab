import { resolve } from "node:path";
import { safeText } from "@provost/shared/lib/path-text.ts";
import type { LabOutcome } from "../lab/lab.ts";
import { againAlone, isAlone } from "../lab/alone.ts";
import { checkLab, runLab } from "../lab/lab.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import { policyAt } from "./policy.ts";
import type { Request } from "./request.ts";
import { jsonLine } from "./terminal.ts";

export interface LabQuestion {
  readonly script: string;
  readonly root?: string;
  readonly files?: string;
  readonly minutes: number;
  readonly policy?: string;
  readonly rules?: string;
  readonly log?: string;
  readonly respond: "off" | "medium" | "high" | "critical";
  readonly serverProgram?: string;
}

/** `provost lab run`: what would Provost see, recognise and do, were this run on a device? */
export async function labRun(request: Request, asked: LabQuestion): Promise<ExitCode> {
  const { terminal, cwd, stop } = request;
  const at = (path: string): string => resolve(cwd, path);
  const files = asked.files === undefined ? {} : { files: at(asked.files) };
  const log = asked.log === undefined ? {} : { log: at(asked.log) };
  checkLab({ script: at(asked.script), ...files, ...(asked.rules === undefined ? {} : { rules: at(asked.rules) }) });
  if (asked.policy !== undefined) policyAt(cwd, asked.policy);
  if (!isAlone()) return (await againAlone(stop)) as ExitCode;
  const outcome = await runLab(
    {
      ...asked,
      ...files,
      ...log,
      script: at(asked.script),
      ...(asked.root === undefined ? {} : { root: at(asked.root) }),
      ...(asked.policy === undefined ? {} : { policy: at(asked.policy) }),
      ...(asked.rules === undefined ? {} : { rules: at(asked.rules) }),
    },
    (line) => terminal.progress(line),
    stop,
  );
  terminal.progress(undefined);
  if (request.json) terminal.outText(jsonLine(outcome));
  else terminal.outText(table(outcome));
  return exitCodes.asWanted;
}

function table({ events, findings, incidents, commands, lost, exit }: LabOutcome): string {
  const lines = [
    `The script ended with ${exit ?? "a signal"}. ${events} events, ${lost} lost.`,
    "",
    findings.length === 0 ? "No findings." : "Findings:",
    ...findings.map(({ severity, rule, sentence }) => `  ${severity.padEnd(13)} ${safeText(sentence)} (${rule})`),
    "",
    incidents.length === 0 ? "No incidents." : "Incidents:",
    ...incidents.map(
      ({ severity, score, sentence, state }) => `  ${severity.padEnd(13)} ${score} ${state}: ${safeText(sentence)}`,
    ),
    ...(commands.length === 0
      ? []
      : ["", "Orders:", ...commands.map(({ state, says }) => `  ${state.padEnd(13)} ${safeText(says)}`)]),
  ];
  return `${lines.join("\n")}\n`;
}
