import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run, type Verbs } from "./program.ts";
import { openTerminal } from "./terminal.ts";

/** Every command line that a manual shows is one that the program understands: its verb, its options, its arguments. */
const folder = join(import.meta.dirname, "../../docs/operate");
const shown = readdirSync(folder).flatMap((name) => {
  const blocks = [...readFileSync(join(folder, name), "utf8").matchAll(/^```\w*\n([^]*?)^```/gm)].map(
    ([, text = ""]) => text,
  );
  return blocks.flatMap((block) =>
    [...block.matchAll(/(?:^|\s)provost ((?:--state \S+ )?[a-z][^\n]*)/gm)].map(
      ([, line = ""]) => [name, line] as const,
    ),
  );
});

test("the manuals show command lines", () => {
  expect(shown.length).toBeGreaterThan(15);
});

test.each(shown)("%s: provost %s", async (_name, line) => {
  const err: string[] = [];
  const done = (): 0 => 0;
  const later = (): Promise<0> => Promise.resolve(0);
  const verbs: Verbs = {
    status: done,
    inventory: done,
    sbom: done,
    scan: later,
    verify: later,
    why: later,
    verifyBundle: later,
    signBundle: later,
    attest: later,
    policyCheck: later,
    policyTest: later,
    enrol: later,
    configCheck: later,
    labRun: later,
    doctor: later,
    requestApproval: later,
    approve: later,
    quarantineList: later,
    quarantineRestore: later,
    auditExport: later,
    auditVerify: later,
    stopAgent: later,
  };
  const code = await run(words(line), verbs, {
    terminal: openTerminal({ write: () => undefined }, { write: (text) => err.push(text) }, {}),
    cwd: folder,
    env: {},
    now: () => 0,
    stop: new AbortController().signal,
  });
  expect([code, err.join("")]).toEqual([0, ""]);
});

/** As a shell would split it, as far as the manuals go: quotes, GitHub's expressions, a comment, a redirection. */
function words(line: string): readonly string[] {
  const [command = ""] = line.split(/ +(?:#|>|\|)/);
  return (command.match(/(?:"[^"]*"|\$\{\{[^}]*\}\}|[^\s"])+/g) ?? []).map((word) => word.replaceAll('"', ""));
}
