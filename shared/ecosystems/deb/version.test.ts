import { expect, test } from "vitest";
import { compareVersions } from "./version.ts";

test.each([
  ["1.0", "1.0", 0],
  ["1.0", "1.1", -1],
  ["1.10", "1.9", 1],
  ["1:0.1", "9", 1],
  ["0:1", "1", 0],
  ["1.0~rc1", "1.0", -1],
  ["1.0~~", "1.0~", -1],
  ["1.0~~a", "1.0~~", 1],
  ["1.0a", "1.0+", -1],
  ["1.0", "1.0-1", -1],
  ["1.0-0", "1.0", 0],
  ["5.2.15-2+b8", "5.2.15-2+b13", -1],
  ["2.36-9+deb12u10", "2.36-9+deb12u9", 1],
  ["20231201000000000000000001", "20231201000000000000000002", -1],
  ["1.002", "1.2", 0],
  ["", "", 0],
] as const)("%s against %s gives %i", (a, b, order) => {
  expect(compareVersions(a, b)).toBe(order);
  expect(compareVersions(b, a)).toBe(order === 0 ? 0 : -order);
});
