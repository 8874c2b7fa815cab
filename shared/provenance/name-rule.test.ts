import { expect, test } from "vitest";
import { matches, namePattern } from "./name-rule.ts";

const san = "https://github.com/o/r/.github/workflows/release.yml@refs/tags/v1";

test.each([
  ["the very text", { exact: san }, san, true],
  ["a prefix", { exact: san.slice(0, -1) }, san, false],
  ["a pattern for all of it", { pattern: String.raw`https://github\.com/o/r/.*` }, san, true],
  ["a pattern for a part", { pattern: "." }, san, false],
  ["a pattern whose alternatives would escape the anchors", { pattern: "x|.*o/r" }, `${san}/o/r2`, false],
  ["another host before it", { pattern: String.raw`https://github\.com/o/r/.*` }, `https://evil/${san}`, false],
  ["a line break after it", { exact: san }, `${san}\n`, false],
  ["a line break after a pattern", { pattern: String.raw`https://github\.com/o/r/[^ ]*v1` }, `${san}\n`, false],
])("%s", (_name, rule, name, expected) => {
  expect(matches(namePattern(rule), name)).toBe(expected);
});

test.each([["(a+)+"], ["(a*)*"], ["(["]])("the pattern %s is refused", (pattern) => {
  expect(() => namePattern({ pattern })).toThrow(pattern);
});
