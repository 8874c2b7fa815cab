import { describe, expect, test } from "vitest";
import { documentLimits, readDocuments } from "./document.ts";
import { RuleFault } from "./fault.ts";

function faultOf(text: string): RuleFault {
  try {
    readDocuments(text);
  } catch (cause) {
    if (cause instanceof RuleFault) return cause;
    throw cause;
  }
  throw new Error("it was read");
}

test("values know their lines and how they were written", () => {
  const [first, second] = readDocuments("a: 0755\nb:\n  - x\n---\nc: true\n");
  expect(first?.entries.get("a")).toEqual({
    line: 1,
    value: { kind: "scalar", line: 1, value: 755, spelling: "0755" },
  });
  expect(first?.entries.get("b")?.value).toMatchObject({ kind: "list", items: [{ line: 3, value: "x" }] });
  expect(second?.entries.get("c")?.line).toBe(5);
});

test("yes, no and dates are text, as in YAML 1.2", () => {
  const [map] = readDocuments("a: yes\nb: 2026-11-26\n");
  expect(map?.entries.get("a")?.value).toMatchObject({ value: "yes" });
  expect(map?.entries.get("b")?.value).toMatchObject({ value: "2026-11-26" });
});

describe("an alias stands for what it names", () => {
  test("and is counted with all of it", () => {
    const [map] = readDocuments("a: &x [1, 2]\nb: *x\n");
    expect(map?.entries.get("b")?.value).toMatchObject({ kind: "list", items: [{ value: 1 }, { value: 2 }] });
  });

  test("ten lines cannot become ten million values", () => {
    const lines = Array.from(
      { length: 9 },
      (_, at) => `a${at + 1}: &b${at + 1} [${Array(10).fill(`*b${at}`).join(", ")}]`,
    );
    expect(faultOf(["a0: &b0 [x]", ...lines].join("\n")).message).toMatch(/more than 50000 values|nests deeper/);
  });

  test("and is found without reading the document again for each", () => {
    const [map] = readDocuments(`a: &x y\nb: [${"*x, ".repeat(20_000)}]\n`);
    expect(map?.entries.get("b")?.value).toMatchObject({ kind: "list", items: { length: 20_000 } });
  });

  test("of two with one name the nearer before it is meant; a name of another document is none", () => {
    expect(readDocuments("a: &x 1\nb: &x 2\nc: *x\n")[0]?.entries.get("c")?.value).toMatchObject({ value: 2 });
    expect(faultOf("a: &x 1\n---\nb: *x\n").message).toMatch(/named|not YAML|alias/i);
  });

  test("and cannot stand for itself", () => {
    expect(faultOf("a: &x\n  b: *x\n").message).toMatch(/nests deeper|named|not YAML/);
  });
});

describe("what is too much is refused", () => {
  test.each([
    ["bytes", `a: ${"x".repeat(documentLimits.bytes)}`, /larger than/],
    ["documents", "a: b\n---\n".repeat(300), /documents/],
    ["values", `a: [${"1,".repeat(60_000)}]`, /values/],
    ["levels", `a: ${"[".repeat(40)}${"]".repeat(40)}`, /nests deeper/],
    ["levels that no reader survives", `a: ${"[".repeat(200_000)}`, /nests too deeply|not YAML|nests deeper/],
    ["characters in a text", `a: '${"x".repeat(70_000)}'`, /longer than/],
  ])("%s", (_name, text, why) => {
    expect(faultOf(text).message).toMatch(why);
  });

  test("thousands of names in one map are compared once each", () => {
    const names = Array.from({ length: 20_000 }, (_, at) => `k${at}: x`).join("\n");
    expect(readDocuments(names)[0]?.entries.size).toBe(20_000);
  });
});

test.each([
  ["a name that stands twice", "a: 1\nb: 2\na: 3\n", /"a" stands here twice/, 3],
  ["what is no map", "- a\n", /a map of names/, 1],
  ["what is no YAML", "a: b\nc: [d\n", /not YAML/, 3],
])("%s is refused, with its line", (_name, text, why, line) => {
  const fault = faultOf(text);
  expect(fault.message).toMatch(why);
  expect(fault.line).toBe(line);
});
