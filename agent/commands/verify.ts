import { AppError } from "@provost/shared/lib/app-error.ts";
import { namesBeside } from "../provenance/documents.ts";
import type { State } from "../state/state.ts";
import type { Criteria } from "./criteria.ts";
import { criteriaLines, criteriaOf } from "./criteria.ts";
import type { ExitCode } from "./exit-codes.ts";
import { exitCodes, exitOf, exitOfError, worst } from "./exit-codes.ts";
import type { Answer, DocumentJudge } from "./judge-documents.ts";
import type { Looked } from "./look-at.ts";
import { lookAt } from "./look-at.ts";
import type { Refusal } from "./name-file.ts";
import { argumentBytes, nameFile } from "./name-file.ts";
import { verdictLines } from "./render-verdict.ts";
import type { Request } from "./request.ts";
import { findState } from "./state-reader.ts";
import { jsonLine } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";
import { asksNothing, type VerifyQuestion } from "./verify-options.ts";

/**
 * `provost verify FILE...`: hashes each file now and judges it by what the agent holds, and, where it was asked for or where they lie
 * beside the file, by documents.
 */
export async function verify(
  request: Request,
  files: readonly string[],
  asked: VerifyQuestion = {},
): Promise<ExitCode> {
  const found = findState(request.folder);
  const state = found.kind === "open" ? found.state : undefined;
  try {
    // What was asked is read before anything is answered: a mistake in it is no verdict.
    const judge = asksNothing(asked) ? undefined : await documentJudge(request, asked, state);
    return await verifyEach(request, files, { state, judge, criteria: criteriaOf(request.folder, found) });
  } finally {
    state?.close();
  }
}

interface Judges {
  readonly state: State | undefined;
  readonly judge: DocumentJudge | undefined;
  readonly criteria: Criteria;
}

async function verifyEach(
  request: Request,
  files: readonly string[],
  { state, judge: asked, criteria }: Judges,
): Promise<ExitCode> {
  const { terminal } = request;
  let judge = asked;
  if (!request.json) for (const line of [...criteriaLines(criteria), ...(judge?.lines ?? [])]) terminal.out(line);
  const codes: ExitCode[] = [];
  for (const argument of argumentBytes(files)) {
    if (request.stop.aborted) break;
    const named = nameFile(argument, request.cwd);
    if (!named.ok) {
      codes.push(refuse(terminal, named, request.json));
      continue;
    }
    terminal.progress(`${named.path} …`);
    const looked = await lookAt(state, named, request.now());
    if (judge === undefined && namesBeside(named.open).length > 0) {
      judge = await documentJudge(request, {}, state);
      if (!request.json) for (const line of judge.lines) terminal.out(line);
    }
    const answer = await answerOf(judge, named.open, looked);
    terminal.progress(undefined);
    if (answer instanceof AppError) {
      codes.push(refuse(terminal, refusalOf(named.path, answer), request.json));
      continue;
    }
    codes.push(exitOfAnswer(looked, answer));
    if (request.json) terminal.out(jsonLine(verifiedJson(looked, named.via, criteria, judge, answer)));
    else tell(terminal, looked, named.via, answer);
  }
  return worst(codes);
}

/** The engine and its libraries are loaded only where documents are asked. */
async function documentJudge(
  request: Request,
  asked: VerifyQuestion,
  state: State | undefined,
): Promise<DocumentJudge> {
  return (await import("./judge-documents.ts")).openDocumentJudge(request, asked, state);
}

/** A file that cannot be read is judged by what is known of it; one that vanishes meanwhile ends only its own question. */
async function answerOf(
  judge: DocumentJudge | undefined,
  path: Buffer,
  looked: Looked,
): Promise<Answer | AppError | undefined> {
  if (judge === undefined || looked.facts.digest === undefined) return undefined;
  try {
    return await judge.judge(path, looked);
  } catch (cause) {
    if (cause instanceof AppError) return cause;
    throw cause;
  }
}

const refusalOf = (path: string, error: AppError): Refusal => ({
  ok: false,
  path,
  code: error.code,
  exit: exitOfError(error),
  says: error.message,
  remedy: error.remedy ?? "",
});

/** A policy that was asked has the last word: what it stops ends with 5, what it allows with 0. */
function exitOfAnswer(looked: Looked, answer: Answer | undefined): ExitCode {
  if (answer === undefined) return exitOfLooked(looked);
  const { decision } = answer;
  if (decision !== undefined && ["hold", "block", "quarantine"].includes(decision.would ?? decision.action))
    return exitCodes.blocked;
  if (decision?.action === "allow") return exitCodes.asWanted;
  return exitOf(answer.verdict.standing);
}

/** A reason of its own for scripts: the verdict is `unchecked: unreadable`, and another user could get a better one. */
export const exitOfLooked = (looked: Looked): ExitCode =>
  looked.facts.unreadable === "this user may not read it" ? exitCodes.permission : exitOf(looked.verdict.standing);

export function refuse(terminal: Terminal, refusal: Refusal, json: boolean): ExitCode {
  terminal.note(`${refusal.code}: ${refusal.says}`, "bad");
  terminal.note(`  ${refusal.remedy}`);
  if (json)
    terminal.out(
      jsonLine({ file: refusal.path, error: { code: refusal.code, says: refusal.says, remedy: refusal.remedy } }),
    );
  return refusal.exit;
}

function tell(terminal: Terminal, looked: Looked, via: string | undefined, answer: Answer | undefined): void {
  terminal.out("");
  const path = wholePath(looked);
  const verdict = answer?.verdict ?? looked.verdict;
  for (const { text, tone } of verdictLines(via === undefined ? path : `${path} (named as ${via})`, verdict))
    terminal.out(text, tone);
  if (answer !== undefined) tellAnswer(terminal, answer);
  for (const problem of looked.problems.slice(0, shownProblems))
    terminal.note(`  not read: ${problem.path}: ${problem.why}`, "weak");
  if (looked.problems.length > shownProblems)
    terminal.note(`  and ${looked.problems.length - shownProblems} more could not be read`, "weak");
}

function tellAnswer(terminal: Terminal, { documents, installed, read, unread, explained }: Answer): void {
  const { standing, basis } = documents.verdict;
  const own = installed === undefined ? "" : `; by this device: ${installed.standing}: ${installed.basis}`;
  terminal.out(`  By ${read.length === 1 ? "1 document" : `${read.length} documents`}: ${standing}: ${basis}${own}`);
  for (const line of explained ?? []) terminal.out(`  Policy   ${line}`);
  for (const why of unread.slice(0, shownProblems)) terminal.note(`  not read: ${why}`, "weak");
}

const shownProblems = 5;

export const wholePath = (looked: Looked): string => looked.facts.root + looked.facts.path;

export const verifiedJson = (
  looked: Looked,
  via: string | undefined,
  criteria: Criteria,
  judge?: DocumentJudge,
  answer?: Answer,
) => ({
  file: wholePath(looked),
  ...(via === undefined ? {} : { namedAs: via }),
  verdict: answer?.verdict ?? looked.verdict,
  digest: looked.facts.digest ?? null,
  kind: looked.kind ?? "data",
  facts: looked.facts,
  recordsFrom: looked.recordsFrom,
  problems: looked.problems,
  criteria: judge === undefined ? criteria : { ...criteria, ...judge.criteria },
  ...(answer === undefined
    ? {}
    : {
        installed: answer.installed ?? null,
        documents: { ...answer.documents, read: answer.read, unread: answer.unread },
        ...(answer.decision === undefined ? {} : { decision: answer.decision, explained: answer.explained }),
      }),
});
