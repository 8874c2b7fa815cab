import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProvost, type Ran } from "../../test/support/run-provost.ts";

const cwd = mkdtempSync(join(tmpdir(), "provost-policy-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const put = (name: string, text: string): void => writeFileSync(join(cwd, name), text);
const now = Date.parse("2026-06-01T00:00:00Z");
const go = (line: string): Promise<Ran> => runProvost(["policy", ...line.split(" ")], { cwd, now: () => now });

/** The example of the manual is the one that is tried here. */
const manual = readFileSync(join(import.meta.dirname, "../../docs/operate/policy.md"), "utf8");
const [policy = "", cases = ""] = [...manual.matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, text = ""]) => text);

beforeAll(() => {
  put("policy.yaml", policy);
  put("cases.yaml", cases);
});

describe("the manual's example", () => {
  test("reads, and says what it holds", async () => {
    const ran = await go("check policy.yaml");
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out).toContain(
      'requires  "production runs what somebody signed", "what runs as root and listens is proven"',
    );
    expect(JSON.parse((await go("check policy.yaml --json")).out)).toEqual({
      number: 1,
      mode: "enforce",
      expect: 1,
      require: 2,
      exceptions: 1,
      expired: [],
    });
  });

  test("decides each of its cases as the manual says", async () => {
    const ran = await go("test policy.yaml --cases cases.yaml");
    expect(ran.out).toContain("9 of 9 as expected");
    expect(ran).toMatchObject({ code: 0, err: "" });
  });

  test("answers a program with one line for each case", async () => {
    const lines = (await go("test policy.yaml --cases cases.yaml --json")).out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { agrees: boolean; got: object });
    expect(lines).toHaveLength(9);
    expect(lines.every(({ agrees }) => agrees)).toBe(true);
    expect(lines[1]).toMatchObject({
      expected: { action: "block" },
      got: { action: "block", cause: "requirement", policy: 1 },
    });
  });
});

test("a case that comes out otherwise ends with 1 and shows both", async () => {
  put("wrong.yaml", cases.replace("expect: hold", "expect: { action: block, cause: fault }"));
  const ran = await go("test policy.yaml --cases wrong.yaml");
  expect(ran.code).toBe(1);
  expect(ran.out).toMatch(
    /FAILED {2}an archive that could not be reached[^]*expected {2}block, cause fault\n +got +hold, cause requirement, by "production runs/,
  );
  expect(ran.out).toContain("8 of 9 as expected");
});

test("in record mode what would have happened can be expected", async () => {
  put("record.yaml", policy.replace("mode: enforce", "mode: record"));
  put(
    "one.yaml",
    "cases:\n- { name: a, verdict: unproven, path: /a, groups: [production], expect: { action: record, would: block } }\n",
  );
  expect(await go("test record.yaml --cases one.yaml")).toMatchObject({ code: 0 });
});

test("an exception that has expired is said", async () => {
  put("old.yaml", policy.replace("2099-03-31", "2020-03-31"));
  const ran = await go("check old.yaml");
  expect([ran.code, ran.err]).toEqual([0, expect.stringContaining("it excepts nothing any more")]);
});

test.each<readonly [string, string, string]>([
  ["no cases", "cases: []", "cases"],
  ["nothing", "", "malformed|expected"],
  [
    "a case that expects nothing",
    "cases: [{ name: a, verdict: signed, path: /a, expect: {} }]",
    "expects nothing cannot fail",
  ],
  ["a case without expectation", "cases: [{ name: a, verdict: signed, path: /a }]", "cases.0.expect"],
  ["an action that is none", "cases: [{ name: a, verdict: signed, path: /a, expect: stop }]", "cases.0.expect"],
  [
    "a standing that is none",
    "cases: [{ name: a, verdict: fine, path: /a, expect: allow }]",
    "wanted a standing or a basis",
  ],
  [
    "a basis of another standing",
    "cases: [{ name: a, verdict: signed contradicted, path: /a, expect: allow }]",
    "wanted a standing",
  ],
  [
    "a level where there is none",
    "cases: [{ name: a, verdict: signed level 2, path: /a, expect: allow }]",
    "wanted a standing",
  ],
  ["a member nobody knows", "cases: [{ name: a, verdict: signed, path: /a, pth: /b, expect: allow }]", "pth"],
  ["an alias", "x: &x [1]\ncases: *x", "."],
  ["no YAML", "cases: [", "."],
])("cases with %s are refused whole", async (_name, text, says) => {
  put("bad.yaml", text);
  const ran = await go("test policy.yaml --cases bad.yaml");
  expect([ran.code, ran.out]).toEqual([2, ""]);
  expect(ran.err).toMatch(new RegExp(`^CONFIG_INVALID: the cases bad.yaml are not read: .*(?:${says})`));
});

test.each([
  ["check none.yaml", "NOT_FOUND: the policy"],
  ["check cases.yaml", "CONFIG_INVALID: the policy cases.yaml is not read"],
  ["test policy.yaml --cases none.yaml", "NOT_FOUND: the cases"],
])("policy %s says what is wrong", async (line, says) => {
  const ran = await go(line);
  expect([ran.code, ran.out]).toEqual([2, ""]);
  expect(ran.err).toContain(says);
});
