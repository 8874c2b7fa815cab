import { describe, expect, test } from "vitest";
import { fault, holds, ruleText } from "../../../test/support/sigma.ts";

/** Which of the selections a, b, c, fx, fy hold is told by the letters. */
function condition(text: string, letters: string): boolean {
  const names = ["a", "b", "c", "fx", "fy", "_h"];
  const selections = names.map((name) => `${name}:\n  ${name}: '1'`).join("\n");
  const fields = Object.fromEntries(letters.split(" ").map((name) => [name, "1"]));
  return holds(`${selections}\ncondition: ${text}`, fields);
}

describe("a condition", () => {
  test.each<[string, string, boolean]>([
    ["a", "a", true],
    ["not a", "b", true],
    ["not not a", "a", true],
    ["a and b", "a", false],
    ["a or b and c", "a", true],
    ["(a or b) and c", "a", false],
    ["not a or b", "a b", true],
    ["not (a or b)", "b", false],
    ["a AND NOT b", "a", true],
    ["1 of f*", "fy", true],
    ["all of f*", "fx", false],
    ["all of f*", "fx fy", true],
    ["any of f*", "fx", true],
    ["a and not 1 of f*", "a", true],
    ["a and not 1 of f*", "a fx", false],
    ["1 of them", "_h", false],
    ["all of them", "a b c fx fy", true],
    ["3 of them", "a b", false],
    ["3 of them", "a b c", true],
    ["1 of *x", "fx", true],
    ["not 3 of them", "a b", true],
    ["[a, b]", "b", true],
  ])("%s, with %s: %s", (text, letters, wanted) => {
    expect(condition(text, letters)).toBe(wanted);
  });
});

test.each([
  ["d", /no search identifier "d"/],
  ["a and", /ends where/],
  ["(a", /bracket is not closed/],
  ["a b", /"b" does not belong/],
  ["1 of g*", /no search identifier is meant/],
  ["a | count() > 5", /write a correlation/],
  ["0 of a*", /0 of/],
  ["2 of a*", /means only 1/],
  [`${"not ".repeat(50)}a`, /nests deeper/],
])("%s is refused", (text, why) => {
  expect(fault(ruleText(`a:\n  F: x\ncondition: ${text}`))).toMatch(why);
});

test("a condition that asks everything again and again is refused", () => {
  const values = Array.from({ length: 500 }, (_, at) => `v${at}`).join(", ");
  const condition = Array.from({ length: 100 }, () => "1 of a*").join(" and ");
  expect(fault(ruleText(`a: { F: [${values}] }\ncondition: ${condition}`))).toMatch(/more than 20000 questions/);
});

describe("keywords", () => {
  const event = { type: "EXECVE", a0: "init", a1: "6", message: "a LONG line" };
  test.each<[string, string, boolean]>([
    ["one of them, in any field", "[nothing, long]", true],
    ["none", "[nothing]", false],
    ["all of them", "{ '|all': [init, line] }", true],
    ["all, one missing", "{ '|all': [init, nothing] }", false],
    ["no word reaches from one field into the next", "['init 6']", false],
    ["a number stands by itself", "[6]", true],
    ["a digit of a number does not", "[0]", false],
    ["wildcards", "['a*line']", true],
    ["a scalar alone", "long", true],
    ["a regular expression", "{ '|re': 'LON.' }", true],
    ["texts and fields in one list", "[nothing, { a0: init }]", true],
  ])("%s", (_name, value, wanted) => {
    expect(holds(`k: ${value}\ncondition: k`, event)).toBe(wanted);
  });

  test("a modifier that asks about a field needs one", () => {
    expect(fault(ruleText("k: { '|cidr': 10.0.0.0/8 }\ncondition: k"))).toMatch(/needs a field/);
  });
});

test("maps are joined by and, lists of maps by or", () => {
  const detection = "s:\n  - a: '1'\n    b: '1'\n  - c: '1'\ncondition: s";
  expect(holds(detection, { a: "1" })).toBe(false);
  expect(holds(detection, { a: "1", b: "1" })).toBe(true);
  expect(holds(detection, { c: "1" })).toBe(true);
});
