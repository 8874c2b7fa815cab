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

const missing = (shell: string): boolean => spawnSync(shell, ["-c", "exit 0"]).status !== 0;

test.skipIf(missing("fish"))("fish offers the same, with what each does", async () => {
  const script = (await runProvost(["completion", "fish"], world)).out;
  const after = (line: string): readonly string[] =>
    execFileSync("fish", ["--no-config", "-c", `${script}\ncomplete -C ${JSON.stringify(line)}`], {
      encoding: "utf8",
    }).split("\n");
  expect(after("provost sta")).toContainEqual(expect.stringMatching(/^status\tis this device enrolled/));
  expect(after("provost quarantine ")).toContainEqual(expect.stringMatching(/^restore\t/));
  expect(after("provost inventory --st")).toContainEqual(expect.stringMatching(/^--standing/));
  expect(after("provost inventory --standing ref")).toContainEqual(expect.stringMatching(/^refuted/));
  expect(after("provost sta")).not.toContainEqual(expect.stringMatching(/^restore/));
});

test.skipIf(missing("zsh"))("zsh offers the same, with what each does", async () => {
  const script = (await runProvost(["completion", "zsh"], world)).out;
  // zsh completes in a terminal only; its own helpers are replaced by ones that print what they are given.
  const stubs = `compadd() { shift; print -l -- "$@" }; _files() { print FILES }; _describe() { print -l -- "\${(@P)2}" }`;
  const after = (...words: readonly string[]): readonly string[] => {
    const line = words.map((word) => `'${word}'`).join(" ");
    const run = `${stubs}; words=(provost ${line}); CURRENT=$#words; () { ${script} }`;
    return execFileSync("zsh", ["-f", "-c", run], { encoding: "utf8" }).split("\n");
  };
  expect(after("")).toContainEqual(expect.stringMatching(/^status:is this device enrolled/));
  expect(after("quarantine", "")).toContainEqual(expect.stringMatching(/^restore:/));
  expect(after("quarantine", "")).not.toContainEqual(expect.stringMatching(/^status:/));
  expect(after("inventory", "--standing", "")).toContain("refuted");
  expect(after("verify", "--bundle", "")).toEqual(["FILES", ""]);
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
