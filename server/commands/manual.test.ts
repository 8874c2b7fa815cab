import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { manualPage } from "@provost/shared/lib/manual-page.ts";
import { commands } from "./commands.ts";
import { commandTable, exitHelp, usage } from "./table.ts";

test("every verb that there is stands in the table, and no other", () => {
  const first = new Set(commandTable.flatMap(({ path: [verb] }) => (verb === undefined ? [] : [verb])));
  expect([...first].sort()).toEqual([...commands.keys()].sort());
  for (const { path, verbs } of commandTable)
    for (const verb of verbs)
      expect(commandTable.some((one) => one.path.join(" ") === [...path, verb].join(" "))).toBe(true);
});

test("the help says each command with its options", () => {
  for (const line of [
    /provost-server backup <file> +everything that matters/,
    /--role <role> +for somebody else: owner, analyst, auditor/,
  ])
    expect(usage()).toMatch(line);
});

test.skipIf(spawnSync("groff", ["--version"]).status !== 0)("groff reads the manual page without a warning", () => {
  const page = manualPage("provost-server", "0.1.0", commandTable, exitHelp);
  expect(page).toMatch(/^\.SS "provost\\-server config check"$/m);
  const read = spawnSync("groff", ["-man", "-Tascii", "-ww", "-z"], { input: page, encoding: "utf8" });
  expect([read.status, read.stderr]).toEqual([0, ""]);
});
