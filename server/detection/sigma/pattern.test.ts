import { array, assert, constantFrom, property, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { fold, foldPattern, matcher, patternText, readPattern } from "./pattern.ts";

describe("escapes, as the specification lists them", () => {
  test.each([
    ["a plain backslash", String.raw`C:\Windows\x`, [String.raw`C:\Windows\x`]],
    ["a doubled one is one", String.raw`C:\\Windows`, [String.raw`C:\Windows`]],
    ["an escaped star is a star", String.raw`a\*b`, ["a*b"]],
    ["an escaped question mark", String.raw`a\?b`, ["a?b"]],
    ["an escaped backslash before a star", String.raw`a\\*`, ["a\\", 1]],
    ["three of them before a star", String.raw`a\\\*`, ["a\\*"]],
    ["three at the end are two", String.raw`a\\\ `.trim(), ["a\\\\"]],
    ["four are two", String.raw`a\\\\b`, [String.raw`a\\b`]],
    ["stars and question marks", "a*b?c", ["a", 1, "b", 2, "c"]],
    ["two stars are one", "a**b", ["a", 1, "b"]],
  ])("%s", (_name, text, pattern) => {
    expect(readPattern(text)).toEqual(pattern);
  });
});

test("a pattern fits the same texts as the regular expression that says the same", () => {
  const letters = array(constantFrom("a", "b", "*", "?", "ab"), { maxLength: 7 }).map((parts) => parts.join(""));
  const texts = string({ unit: constantFrom("a", "b", "c"), maxLength: 9 });
  assert(
    property(letters, texts, (written, text) => {
      const same = new RegExp(`^${written.replaceAll("*", "[^]*").replaceAll("?", "[^]")}$`);
      expect([written, text, matcher(readPattern(written))(text)]).toEqual([written, text, same.test(text)]);
    }),
    { numRuns: 3000 },
  );
});

test("what the pattern is printed as reads as the same pattern", () => {
  assert(
    property(string({ unit: constantFrom("a", "*", "?", "/"), maxLength: 8 }), (written) => {
      expect(readPattern(patternText(readPattern(written)))).toEqual(readPattern(written));
    }),
  );
});

test("a star in front of many question marks ends on a long text", () => {
  const holds = matcher(readPattern(`${"*a?b".repeat(60)}*z`));
  expect(holds("a".repeat(30_000))).toBe(false);
});

test("case is folded one letter at a time, so that a part of a text is a part of the folded text", () => {
  expect(fold("ΑΣΑ")).toContain(fold("ΑΣ"));
  expect(matcher(foldPattern(readPattern("*ΑΣ*")))(fold("ΑΣΑ"))).toBe(true);
});
