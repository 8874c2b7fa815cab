import { expect, test } from "vitest";
import { isInRange } from "./version-range.ts";
import type { RangeEvent, VersionRange } from "./version-range.ts";

const range = (...events: readonly (readonly [RangeEvent["at"], string])[]): VersionRange =>
  events.map(([at, version]) => ({ at, version }));
const all = range(["introduced", "0"]);

test.each<[string, string, VersionRange, boolean]>([
  ["npm", "1.0.0", all, true],
  ["npm", "not a version", all, true],
  ["npm", "1.2.3", range(["introduced", "1.2.0"], ["fixed", "1.3.0"]), true],
  ["npm", "1.3.0", range(["introduced", "1.2.0"], ["fixed", "1.3.0"]), false],
  ["npm", "1.1.9", range(["introduced", "1.2.0"], ["fixed", "1.3.0"]), false],
  ["npm", "1.10.0", range(["introduced", "1.9.0"]), true],
  ["npm", "1.3.0-beta.2", range(["introduced", "1.2.0"], ["fixed", "1.3.0"]), true],
  ["npm", "1.3.0-beta.2", range(["introduced", "1.3.0-beta.10"]), false],
  ["npm", "1.3.0-beta.x", range(["introduced", "1.3.0-beta.10"]), true],
  ["npm", "1.3.0+build", range(["introduced", "1.3.0"], ["last_affected", "1.3.0"]), true],
  ["npm", "1.3.1", range(["introduced", "1.3.0"], ["last_affected", "1.3.0"]), false],
  // Events in any order, with a gap in the middle.
  ["npm", "2.5.0", range(["fixed", "3.0.0"], ["introduced", "2.0.0"], ["fixed", "1.5.0"], ["introduced", "0"]), true],
  ["npm", "1.7.0", range(["fixed", "3.0.0"], ["introduced", "2.0.0"], ["fixed", "1.5.0"], ["introduced", "0"]), false],
  ["npm", "2.0.0", range(["introduced", "0"], ["limit", "2.0.0"]), false],
  ["npm", "1.9.0", range(["introduced", "0"], ["limit", "2.0.0"]), true],
  ["npm", "9.9.9", range(["introduced", "0"], ["limit", "*"]), true],
  ["npm", "odd", range(["introduced", "1.0.0"]), false],
  ["pypi", "1.0", range(["introduced", "1.0.0"], ["last_affected", "1"]), true],
  ["pypi", "1.0rc1", range(["introduced", "1.0"]), false],
  ["pypi", "1.0.post1", range(["introduced", "1.0"], ["last_affected", "1.0"]), false],
  ["pypi", "1.0.dev3", range(["introduced", "1.0a1"]), false],
  ["pypi", "1.0a1.dev1", range(["introduced", "1.0a1"]), false],
  ["pypi", "1!0.1", range(["introduced", "2.0"]), true],
  ["pypi", "1.0-1", range(["introduced", "1.0.post1"], ["last_affected", "1.0.post1"]), true],
  ["pypi", "1.10", range(["introduced", "1.9"]), true],
  ["pypi", "1.0+local", range(["introduced", "1.0"], ["last_affected", "1.0"]), true],
  ["pypi", "2.0.1.1", range(["introduced", "2.0.1"], ["fixed", "2.0.2"]), true],
])("%s %s in %j: %s", (ecosystem, version, events, wanted) => {
  expect(isInRange(ecosystem as "npm", version, events)).toBe(wanted);
});

test("versions that were made to take long are compared at once", () => {
  const long = `1${".0".repeat(20_000)}`;
  const began = performance.now();
  for (const ecosystem of ["npm", "pypi"] as const)
    expect(isInRange(ecosystem, long, range(["introduced", `1.0a${"1".repeat(20_000)}x`]))).toBe(false);
  expect(performance.now() - began).toBeLessThan(1000);
});
