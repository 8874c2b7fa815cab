import { resolve } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { instant } from "@provost/shared/model/ids.ts";
import { readCases, testCase, type CaseResult, type Expected } from "@provost/shared/policy/cases.ts";
import type { Decision } from "@provost/shared/policy/decide.ts";
import { maxPolicyLength, readPolicy, type Policy } from "@provost/shared/policy/policy.ts";
import { readDocument } from "../provenance/read-document.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { jsonLine } from "./terminal.ts";

/** `provost policy check POLICY`: is it well formed, and what does it say. */
export function policyCheck(request: Request, file: string): Promise<ExitCode> {
  const { number, mode, expectations, requirements, exceptions } = policyAt(request.cwd, file);
  const expired = exceptions.filter(({ expires }) => expires < request.now());
  if (request.json) {
    const counts = { expect: expectations.length, require: requirements.length, exceptions: exceptions.length };
    request.terminal.out(jsonLine({ number, mode, ...counts, expired: expired.map(({ name }) => name) }));
  } else {
    request.terminal.out(`policy ${number}, mode ${mode}`, "head");
    request.terminal.out(`  expects   ${listed(expectations)}`);
    request.terminal.out(`  requires  ${listed(requirements)}`);
    request.terminal.out(`  excepts   ${listed(exceptions)}`);
    for (const { name, expires } of expired)
      request.terminal.note(
        `  expired   "${name}" on ${new Date(expires).toISOString()}: it excepts nothing any more`,
        "weak",
      );
  }
  return Promise.resolve(exitCodes.asWanted);
}

const listed = (rules: readonly { readonly name: string }[]): string =>
  rules.length === 0 ? "nothing" : rules.map(({ name }) => `"${name}"`).join(", ");

/** `provost policy test POLICY --cases FILE`: 0 when every case comes out as expected, else 1. */
export function policyTest(request: Request, file: string, casesFile: string): Promise<ExitCode> {
  const policy = policyAt(request.cwd, file);
  const read = readCases(textAt("the cases", resolve(request.cwd, casesFile)));
  if (!read.ok)
    throw new AppError("CONFIG_INVALID", `the cases ${casesFile} are not read: ${read.why}`, {
      remedy: "see docs/operate/policy.md for a file of cases",
    });
  const results = read.cases.map((one) => testCase(one, policy, instant(request.now())));
  for (const result of results) tell(request, result);
  const failed = results.filter(({ agrees }) => !agrees).length;
  if (!request.json)
    request.terminal.out(`${results.length - failed} of ${results.length} as expected`, failed === 0 ? "good" : "bad");
  return Promise.resolve(failed === 0 ? exitCodes.asWanted : exitCodes.refuted);
}

function tell({ terminal, json }: Request, { name, expected, got, agrees }: CaseResult): void {
  if (json) return terminal.out(jsonLine({ name, agrees, expected, got }));
  terminal.out(`${agrees ? "ok    " : "FAILED"}  ${name}`, agrees ? "good" : "bad");
  if (!agrees) {
    terminal.out(`        expected  ${parts(expected)}`);
    terminal.out(`        got       ${parts(got)}: ${got.why}`);
  }
}

const parts = ({ action, would, cause, rule }: Partial<Decision> | Expected): string =>
  [
    action,
    would === undefined ? undefined : `would ${would}`,
    cause === undefined ? undefined : `cause ${cause}`,
    rule === undefined ? undefined : `by "${rule}"`,
  ]
    .filter((part) => part !== undefined)
    .join(", ");

/** A policy that a person named. Throws CONFIG_INVALID with the place in it. */
export function policyAt(cwd: string, file: string): Policy {
  const read = readPolicy(textAt("the policy", resolve(cwd, file)));
  if (read.ok) return read.policy;
  throw new AppError("CONFIG_INVALID", `the policy ${file} is not read: ${read.why}`, {
    remedy: "see docs/operate/policy.md; provost policy check reads it again",
  });
}

/** A character takes up to four bytes. */
const textAt = (what: string, path: string): string => readDocument(what, path, 4 * maxPolicyLength).toString("utf8");
