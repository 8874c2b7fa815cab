import { describe, expect, test } from "vitest";
import { load, ruleText } from "../../../test/support/sigma.ts";
import { linuxPaths, linuxShapes } from "./fields/linux.ts";
import { whyNever } from "./never.ts";

function why(detection: string, shape?: Parameters<typeof whyNever>[1]): string | undefined {
  const [rule] = load(ruleText(detection)).rules;
  if (rule === undefined) throw new Error("the rule was not read");
  return whyNever(rule.detection, shape)?.why;
}

const two = (a: string, b: string, condition = "a and b"): string =>
  `a: { ${a} }\nb: { ${b} }\ncondition: ${condition}`;

describe("can never fire", () => {
  test.each([
    ["two texts", two("F: x", "F: y")],
    ["a text and another's place", two("F: abc", "F|contains: x")],
    ["two ends", two("F|endswith: /bash", "F|endswith: /sh5")],
    ["two starts", two("F|startswith: /usr", "F|startswith: /opt")],
    ["lists without a common value", two("F: [a, b]", "F: [c, d]")],
    ["a text and a number", two("F: x", "F: 5")],
    ["nothing and something", two("F: null", "F: x")],
    ["missing and something", two("F|exists: false", "F|contains: x")],
    ["itself and not itself", two("F|endswith: /bash", "F|endswith: /bash", "a and not b")],
    ["what a filter takes away whole", two("F: /usr/bin/x", "F|startswith: /usr/", "a and not b")],
    ["a longer end without the shorter", two("F|endswith: /bin/bash", "F|endswith: /bash", "a and not b")],
    ["a value that no number comparison allows", two("F: 5", "F|gt: 10")],
    ["an address outside", two("F: 10.0.0.1", "F|cidr: 192.168.0.0/16")],
    ["every branch of an or", "a: [{ F: x }, { F: z, G: 1 }]\nb: { F: y }\ncondition: a and b"],
    ["all of one list", "a:\n  F|all: [x, y]\ncondition: a"],
  ])("%s", (_name, detection) => {
    expect(why(detection)).toMatch(/cannot be both/);
  });
});

describe("may fire, as far as can be said", () => {
  test.each([
    ["two ends of one text", two("F|endswith: sh", "F|endswith: /bash")],
    ["lists with a common value", two("F: [a, b]", "F: [B, c]")],
    ["two fields", two("F: x", "G: y")],
    ["either", two("F: x", "F: y", "a or b")],
    ["a shorter end without the longer", two("F|endswith: /bash", "F|endswith: /bin/bash", "a and not b")],
    ["a text that another rule wants in its case", two("F: abc", "F|cased: ABC")],
    ["a regular expression that minds the case", two("F: abc", "F|re: ABC")],
    ["not nothing", two("F: null", "F: null", "not a and not b")],
    ["one branch of an or", "a: [{ F: x }, { G: 1 }]\nb: { F: y }\ncondition: a and b"],
    ["keywords", "a: [x]\nb: [y]\ncondition: a and b"],
    ["a wildcard", two("F: 'a*'", "F: 'ab'")],
  ])("%s", (_name, detection) => {
    expect(why(detection)).toBeUndefined();
  });

  test("a rule with more than can be compared", () => {
    const list = Array.from({ length: 900 }, (_, at) => `v${at}`).join(", ");
    expect(why(two(`F|contains: [${list}]`, `F|endswith: [${list}]`))).toBeUndefined();
  });
});

test("a path of Windows in a field that is a path of Linux", () => {
  expect(why("s: { Image|endswith: '\\bash' }\ncondition: s", linuxPaths)).toContain("no path on Linux");
  expect(why("s: { Image|startswith: 'C:' }\ncondition: s", linuxPaths)).toContain("no path on Linux");
  expect(why("s: { Image|endswith: ['\\bash', /bash] }\ncondition: s", linuxPaths)).toBeUndefined();
  expect(why("s: { CommandLine|contains: '\\bash' }\ncondition: s", linuxPaths)).toBeUndefined();
});

test("what no event of a shape carries", () => {
  const syscall = linuxShapes.find(({ only }) => only["type"]?.includes("SYSCALL"));
  expect(why("s: { type: SYSCALL, key: x }\ncondition: s", syscall)).toBe("no event has the field key");
  expect(why("s: { type: SYSCALL, SYSCALL: mknod }\ncondition: s", syscall)).toBe(
    'no event has a SYSCALL that is "mknod"',
  );
  expect(why("s: { type: SYSCALL }\nf: { key: x }\ncondition: s and not f", syscall)).toBeUndefined();
  expect(why("s: { type: syscall, SYSCALL: execve }\ncondition: s", syscall)).toBeUndefined();
});
