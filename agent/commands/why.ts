import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Verdict } from "@provost/shared/model/verdict.ts";
import { named } from "@provost/shared/provenance/judge.ts";
import type { FileRow } from "../inventory/file-rows.ts";
import { factsOf } from "../inventory/file-rows.ts";
import type { RunningProcess } from "../inventory/running.ts";
import { ProcessWatch } from "../inventory/running.ts";
import { namesBeside } from "../provenance/documents.ts";
import { judgeNow } from "../provenance/proofs.ts";
import type { State } from "../state/state.ts";
import { criteriaLines, criteriaOf } from "./criteria.ts";
import type { ExitCode } from "./exit-codes.ts";
import { exitOf, worst } from "./exit-codes.ts";
import type { Answer } from "./judge-documents.ts";
import { lookAt } from "./look-at.ts";
import { argumentBytes, nameFile } from "./name-file.ts";
import { componentLines } from "./render-components.ts";
import { verdictLines } from "./render-verdict.ts";
import type { Request } from "./request.ts";
import { findState, needState } from "./state-reader.ts";
import { jsonLine } from "./terminal.ts";
import { asksNothing, type VerifyQuestion } from "./verify-options.ts";
import { exitOfLooked, refuse } from "./verify.ts";

/** `provost why FILE|DIGEST|CODE`: the verdict, what carries it, who owns the file, how it was built, and what runs it now. */
export async function why(request: Request, subject: string, asked: WhyQuestion = {}): Promise<ExitCode> {
  const isName = !digestPrefix.test(subject) || existsSync(resolve(request.cwd, subject));
  if (isName) return whyFile(request, subject, asked);
  // The code of something that was stopped goes before a digest that begins alike.
  if (stopCode.test(subject)) {
    const { decisionOf, explainStopped } = await import("./why-stopped.ts");
    const decision = await decisionOf(request, subject);
    if (decision !== undefined) return explainStopped(request, decision);
  }
  return whyDigest(request, subject);
}

const stopCode = /^[0-9a-f]{6,12}$/;

/** With which documents and under which trust; what lies beside the file is found by itself. */
export type WhyQuestion = Pick<VerifyQuestion, "bundle" | "evidence" | "trust" | "key">;

/** Six digits, as people copy them from a message, up to the whole SHA-256. */
const digestPrefix = /^[0-9a-f]{6,64}$/;

async function whyFile(request: Request, subject: string, asked: WhyQuestion): Promise<ExitCode> {
  const [argument = Buffer.from(subject)] = argumentBytes([subject]);
  const file = nameFile(argument, request.cwd);
  if (!file.ok) return refuse(request.terminal, file, request.json);
  const found = findState(request.folder);
  const state = found.kind === "open" ? found.state : undefined;
  try {
    const judge =
      asksNothing(asked) && namesBeside(file.open).length === 0
        ? undefined
        : await (await import("./judge-documents.ts")).openDocumentJudge(request, asked, state);
    const lines = [...criteriaLines(criteriaOf(request.folder, found)), ...(judge?.lines ?? [])];
    if (!request.json) for (const line of lines) request.terminal.out(line);
    const looked = await lookAt(state, file, request.now());
    const answer = looked.facts.digest === undefined ? undefined : await judge?.explain(file.open, looked);
    const verdict = answer?.verdict ?? looked.verdict;
    explain(request, looked.facts, verdict, whoRuns(request.now(), looked.facts), answer);
    return answer === undefined ? exitOfLooked(looked) : exitOf(verdict.standing);
  } finally {
    state?.close();
  }
}

function whyDigest(request: Request, prefix: string): ExitCode {
  const state = needState(request.folder);
  try {
    const rows = filesOf(state, prefix);
    const digests = [...new Set(rows.map((row) => row.digest))];
    if (digests.length === 0)
      throw new AppError("NOT_FOUND", `no file that the agent knows has a SHA-256 beginning with ${prefix}`, {
        remedy: "name the file itself, or run: provost scan",
      });
    if (digests.length > 1)
      throw new AppError(
        "NOT_FOUND",
        `${prefix} is the beginning of several digests: ${digests.slice(0, 5).join(", ")}`,
        {
          remedy: "give more digits",
        },
      );
    if (!request.json)
      for (const line of criteriaLines(criteriaOf(request.folder, { kind: "open", state }))) request.terminal.out(line);
    return worst(
      rows.map((row) => {
        const facts = factsOf(row);
        const verdict = judgeNow(state, facts);
        explain(request, facts, verdict, whoRuns(request.now(), facts));
        return exitOf(verdict.standing);
      }),
    );
  } finally {
    state.close();
  }
}

const filesPerDigest = 1000;

/** A range instead of LIKE, so that the index answers; `g` is past every hexadecimal digit. */
const filesOf = (state: State, prefix: string): readonly FileRow[] =>
  state
    .prepare<[string, string, number], FileRow>(
      "SELECT * FROM files WHERE digest >= ? AND digest < ? ORDER BY digest, root, path LIMIT ?",
    )
    .all(prefix, `${prefix}g`, filesPerDigest);

interface Runs {
  readonly pid: number;
  readonly uid: number;
  readonly command: string;
  readonly as: "program" | "mapped";
}

interface WhoRuns {
  readonly processes: readonly Runs[];
  /** Processes whose files this user may not see. */
  readonly unseen: number;
}

function whoRuns(now: number, facts: FileFacts): WhoRuns {
  const processes = new ProcessWatch().look(now, 0);
  return {
    processes: processes.flatMap((process) => runsOf(process, facts)),
    unseen: processes.filter((process) => process.blind !== undefined).length,
  };
}

function runsOf(process: RunningProcess, { identity }: FileFacts): readonly Runs[] {
  const at = process.files.findIndex(
    (file) => file.identity.dev === identity.dev && file.identity.ino === identity.ino,
  );
  if (at < 0) return [];
  return [{ pid: process.pid, uid: process.uid, command: process.command, as: at === 0 ? "program" : "mapped" }];
}

function explain(request: Request, facts: FileFacts, verdict: Verdict, running: WhoRuns, answer?: Answer): void {
  const { terminal } = request;
  const file = facts.root + facts.path;
  const owners = facts.records.map(({ purl, via, role, agrees, packagedAs }) => ({
    purl,
    via,
    role,
    agrees,
    packagedAs,
  }));
  if (request.json)
    return terminal.out(
      jsonLine({
        file,
        digest: facts.digest ?? null,
        verdict,
        owners,
        ...(answer === undefined
          ? {}
          : { documents: { ...answer.documents, read: answer.read, unread: answer.unread } }),
        ...(answer?.components === undefined ? {} : { components: answer.components }),
        running: running.processes,
        unseen: running.unseen,
        facts,
      }),
    );
  terminal.out("");
  for (const { text, tone } of verdictLines(file, verdict)) terminal.out(text, tone);
  terminal.out(`  SHA-256  ${facts.digest ?? `none: ${facts.unreadable ?? "not read"}`}`);
  for (const line of answer?.components === undefined ? [] : componentLines(answer.components)) terminal.out(line);
  if (owners.length === 0) terminal.out("  Owner    no installed package lists it");
  for (const owner of owners)
    terminal.out(
      `  Owner    ${named(owner.purl)} (${owner.purl}), by ${owner.via}; its record ${agreement[owner.agrees]}`,
    );
  if (running.processes.length === 0) terminal.out("  Runs     no process that this user may see uses it now");
  for (const { pid, command, as } of running.processes.slice(0, shownProcesses))
    terminal.out(`  Runs     ${pid} ${as === "program" ? "" : "maps it: "}${command.slice(0, 200)}`);
  if (running.processes.length > shownProcesses)
    terminal.out(`  Runs     and ${running.processes.length - shownProcesses} more processes`);
  if (running.unseen > 0) terminal.out(`  Unseen   ${running.unseen} processes do not show this user what they run`);
}

const shownProcesses = 20;
const agreement = {
  yes: "agrees with these bytes",
  no: "disagrees with these bytes",
  "not-compared": "holds nothing to compare these bytes with",
} as const;
