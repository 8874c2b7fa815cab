import { expect, test } from "vitest";
import { askedCriteria, askedPackage, askedTime } from "./asked-criteria.ts";

test.each([
  ["pkg:npm/%40Scope/name@1.0.0", { ecosystem: "npm", name: "@Scope/name", version: "1.0.0" }],
  ["pkg:npm/@scope/name@1.0.0%2Bbuild", { ecosystem: "npm", name: "@scope/name", version: "1.0.0+build" }],
  ["pkg:npm/JSONStream", { ecosystem: "npm", name: "JSONStream" }],
  ["pkg:pypi/a-b@1", { ecosystem: "pypi", name: "a-b", version: "1" }],
])("%s is that package, letter by letter", (purl, wanted) => {
  expect(askedPackage(purl)).toEqual(wanted);
});

test.each([
  "pkg:deb/debian/a@1",
  "npm/a@1",
  "pkg:npm/",
  "pkg:npm/a@1?x=y",
  "pkg:npm/a/b@1",
  "pkg:pypi/@s/a@1",
  "pkg:npm/%2e%2e/a@1",
])("%s is none", (purl) => {
  expect(() => askedPackage(purl)).toThrow("--package: wanted");
});

test("expectations that were not asked are absent, so that they expect nothing", () => {
  expect(askedCriteria({}, [])).toEqual({});
  expect(
    askedCriteria({ source: "github.com/o/r", minLevel: "2", input: ["a=b=c"], package: "pkg:npm/a" }, []),
  ).toEqual({
    source: "github.com/o/r",
    minimumLevel: 2,
    inputs: { a: "b=c" },
    package: { ecosystem: "npm", name: "a" },
  });
});

test("an identity is compared whole", () => {
  const [rule] = askedCriteria({ issuer: "i", identityPattern: "a.c" }, []).signers ?? [];
  const pattern = rule?.kind === "certificate" && rule.identity.kind === "pattern" ? rule.identity.pattern : undefined;
  expect(["abc", "xabc", "abcx"].map((name) => pattern?.test(name))).toEqual([true, false, false]);
});

test.each([
  ["2026-01-31T12:00:00Z", 1769860800000],
  ["2026-01-31T12:00:00+01:00", 1769857200000],
  ["2026-01-31 12:00:00.5Z", 1769860800500],
])("%s is one moment", (text, wanted) => {
  expect(askedTime(text)).toBe(wanted);
});
