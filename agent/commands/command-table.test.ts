import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { runProvost } from "../../test/support/run-provost.ts";

const world = { cwd: "/" };
const completion = (await runProvost(["completion"], world)).out;
const manual = (await runProvost(["manual"], world)).out;

/** What bash offers when somebody presses Tab after these words. */
function offered(...words: readonly string[]): readonly string[] {
  const script = `${completion}\nCOMP_WORDS=(provost "$@"); COMP_CWORD=$#; _provost; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", script, "bash", ...words], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}

test.each([
  [["sta"], ["status"]],
  [
    ["quarantine", ""],
    ["list", "restore", "--help"],
  ],
  [["quarantine", "li"], ["list"]],
  [["inventory", "--st"], ["--standing"]],
  [["inventory", "--standing", "ref"], ["refuted"]],
  [
    ["sbom", "--format", ""],
    ["cyclonedx", "spdx"],
  ],
  // Files, which bash offers itself where nothing else is offered.
  [["verify", "./a"], []],
  [["verify", "--bundle", ""], []],
])("after provost %s bash offers %s", (words, wanted) => {
  expect(offered(...words)).toEqual(wanted);
});

test("every command and option of the help stands in the manual page and is offered", async () => {
  const help = (await runProvost(["--help"], world)).out;
  const verbs = [...help.matchAll(/^ {2}([a-z][a-z-]+)(?: |$)/gm)].map(([, name = ""]) => name);
  expect(verbs.length).toBeGreaterThan(15);
  const plain = manual.replaceAll("\\-", "-");
  const first = offered("");
  for (const verb of verbs.filter((name) => name !== "help")) {
    expect(first).toContain(verb);
    expect(plain).toMatch(new RegExp(`^\\.SS "provost ${verb}(?: |")`, "m"));
    const own = (await runProvost([verb, "--help"], world)).out.split("Global Options:")[0] ?? "";
    for (const [, option = ""] of own.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)) {
      expect(offered(verb, option)).toContain(option);
      expect(`${plain} --help`).toContain(option);
    }
  }
});

test.skipIf(spawnSync("groff", ["--version"]).status !== 0)("groff reads the manual page without a warning", () => {
  const read = spawnSync("groff", ["-man", "-Tascii", "-ww", "-z"], { input: manual, encoding: "utf8" });
  expect([read.status, read.stderr]).toEqual([0, ""]);
});
