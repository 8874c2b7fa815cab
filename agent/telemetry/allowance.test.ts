import { expect, test } from "vitest";
import { Allowance } from "./allowance.ts";

test("so many at once, then so many a second, and never more than at once however long it was quiet", () => {
  const allowance = new Allowance({ perSecond: 10, burst: 3 });
  const taken = (now: number, tries: number) =>
    Array.from({ length: tries }, () => allowance.take(now)).filter(Boolean);
  expect(taken(1000, 5)).toHaveLength(3);
  expect(taken(1050, 5)).toHaveLength(0);
  expect(taken(1200, 5)).toHaveLength(2);
  expect(taken(1_000_000, 9)).toHaveLength(3);
});
