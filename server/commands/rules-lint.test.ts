import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lintExit, rulesLint } from "./rules-lint.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-rules-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const rule = (id: string, detection: string, source = "{ product: linux, category: process_creation }"): string =>
  `title: Rule ${id}\nid: ${id}\nauthor: Somebody\nlogsource: ${source}\ndetection:\n  s: ${detection}\n  condition: s\n`;

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

function lint(...args: readonly string[]): { readonly code: number; readonly out: string; readonly err: string } {
  let out = "";
  let err = "";
  const code = rulesLint(
    [folder, ...args],
    (text) => (out += text),
    (text) => (err += text),
  );
  return { code, out, err };
}

test("a folder without fault", () => {
  write({ "deep/er/a.yml": rule("a", "{ Image|endswith: /a }"), "readme.md": "no rule", ".git/b.yml": "[" });
  expect(lint()).toEqual({
    code: lintExit.fine,
    out: "1 rules, 0 correlations and 0 filters loaded; 0 cannot be used, 0 can never fire, 0 wait for events that no device sends\n",
    err: "",
  });
});

describe("what is found stands with its file and line", () => {
  test("a rule that cannot be used", () => {
    write({ "x/a.yml": rule("a", "{ F|nonsense: b }"), "b.yml": rule("b", "{ Image: /b }") });
    const { code, out } = lint();
    expect(code).toBe(lintExit.found);
    expect(out).toContain('x/a.yml:6: cannot be used: "Rule a": there is no value modifier "nonsense"\n');
    expect(out).toContain("\n1 rules,");
  });

  test("a catastrophic regular expression is loaded; one that cannot be used is told", () => {
    write({
      "a.yml": rule("a", "{ CommandLine|re: '^(a+)+$' }"),
      "b.yml": rule("b", String.raw`{ CommandLine|re: '(a)\1' }`),
    });
    const { code, out } = lint();
    expect(code).toBe(lintExit.found);
    expect(out).not.toContain("a.yml");
    expect(out).toContain("b.yml:6: cannot be used");
  });

  test("a rule that can never fire", () => {
    write({ "a.yml": rule("a", "{ Image|endswith: '\\bash' }") });
    const { code, out } = lint();
    expect(code).toBe(lintExit.found);
    expect(out).toContain('a.yml:6: can never fire: "Rule a": no path on Linux can be "*\\bash"\n');
  });

  test("a rule that waits for other events counts only with --strict", () => {
    write({ "a.yml": rule("a", "{ F: x }", "{ product: windows }") });
    const { code, out } = lint();
    expect(code).toBe(lintExit.fine);
    expect(out).toContain('a.yml:1: is not fed: "Rule a": no device sends events of the logsource windows\n');
    expect(lint("--strict").code).toBe(lintExit.found);
  });

  test("a correlation whose rules do not fire does not fire", () => {
    const correlation =
      "title: C\nid: c\ncorrelation:\n  type: temporal\n  rules: [a, b]\n  group-by: [User]\n  timespan: 1m\n";
    write({ "a.yml": rule("a", "{ Image: /a }"), "b.yml": rule("b", "{ Image: 'C:' }"), "c.yml": correlation });
    expect(lint().out).toContain('c.yml:1: can never fire: "C": the rules that it waits for do not fire');
  });

  test("a link, a file too large, a text that moves the cursor", () => {
    write({ "a.yml": rule("a\u001b[2J", "{ F|\u202enonsense: b }"), "big.yml": "x".repeat(600_000) });
    symlinkSync("a.yml", join(folder, "link.yml"));
    const { out } = lint();
    expect(out).toContain("link.yml:1: cannot be used: links are not followed");
    expect(out).toContain("big.yml:1: cannot be used: the file is larger than 512 KiB");
    expect(out).not.toMatch(/\u001b|\u202e/);
  });
});

test("--json is one document", () => {
  write({ "a.yml": rule("a", "{ F|nonsense: b }") });
  expect(JSON.parse(lint("--json").out)).toEqual({
    rules: 0,
    correlations: 0,
    filters: 0,
    unusable: 1,
    never: 0,
    unfed: 0,
    found: [
      {
        kind: "unusable",
        file: "a.yml",
        line: 6,
        title: "Rule a",
        id: "a",
        why: 'there is no value modifier "nonsense"',
      },
    ],
  });
});

test("--placeholders names what %words% stand for", () => {
  write({
    "rules/a.yml": rule("a", "{ User|expand: '%admins%' }"),
    values: "admins: [root, 1001]\n",
    bad: "admins: { a: b }\n",
  });
  expect(lint().out).toContain("%admins%");
  expect(lint("--placeholders", join(folder, "values")).code).toBe(lintExit.fine);
  expect(lint("--placeholders", join(folder, "bad"))).toMatchObject({ code: lintExit.usage });
});

test("a wrong call and a folder that is not there", () => {
  expect(lint("--nonsense")).toMatchObject({ code: lintExit.usage, out: "" });
  rmSync(folder, { recursive: true });
  const { code, err } = lint();
  expect(code).toBe(lintExit.usage);
  expect(err).toContain("cannot be read");
});
