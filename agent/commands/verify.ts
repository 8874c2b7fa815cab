import type { Criteria } from "./criteria.ts";
import { criteriaLines, criteriaOf } from "./criteria.ts";
import type { ExitCode } from "./exit-codes.ts";
import { exitCodes, exitOf, worst } from "./exit-codes.ts";
import type { Looked } from "./look-at.ts";
import { lookAt } from "./look-at.ts";
import type { Refusal } from "./name-file.ts";
import { argumentBytes, nameFile } from "./name-file.ts";
import { verdictLines } from "./render-verdict.ts";
import type { Request } from "./request.ts";
import { findState } from "./state-reader.ts";
import { jsonLine } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

/** `provost verify FILE...`: hashes each file now and judges it by what the agent holds. */
export async function verify(request: Request, files: readonly string[]): Promise<ExitCode> {
  const found = findState(request.folder);
  const state = found.kind === "open" ? found.state : undefined;
  const criteria = criteriaOf(request.folder, found);
  const { terminal } = request;
  if (!request.json) for (const line of criteriaLines(criteria)) terminal.out(line);
  const codes: ExitCode[] = [];
  try {
    for (const argument of argumentBytes(files)) {
      if (request.stop.aborted) break;
      const named = nameFile(argument, request.cwd);
      if (!named.ok) {
        codes.push(refuse(terminal, named, request.json));
        continue;
      }
      terminal.progress(`${named.path} …`);
      const looked = await lookAt(state, named, request.now());
      terminal.progress(undefined);
      codes.push(exitOfLooked(looked));
      if (request.json) terminal.out(jsonLine(verifiedJson(looked, named.via, criteria)));
      else tell(terminal, looked, named.via);
    }
  } finally {
    state?.close();
  }
  return worst(codes);
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

function tell(terminal: Terminal, looked: Looked, via: string | undefined): void {
  terminal.out("");
  const path = wholePath(looked);
  for (const { text, tone } of verdictLines(via === undefined ? path : `${path} (named as ${via})`, looked.verdict))
    terminal.out(text, tone);
  for (const problem of looked.problems.slice(0, shownProblems))
    terminal.note(`  not read: ${problem.path}: ${problem.why}`, "weak");
  if (looked.problems.length > shownProblems)
    terminal.note(`  and ${looked.problems.length - shownProblems} more could not be read`, "weak");
}

const shownProblems = 5;

export const wholePath = (looked: Looked): string => looked.facts.root + looked.facts.path;

export const verifiedJson = (looked: Looked, via: string | undefined, criteria: Criteria) => ({
  file: wholePath(looked),
  ...(via === undefined ? {} : { namedAs: via }),
  verdict: looked.verdict,
  digest: looked.facts.digest ?? null,
  kind: looked.kind ?? "data",
  facts: looked.facts,
  recordsFrom: looked.recordsFrom,
  problems: looked.problems,
  criteria,
});
