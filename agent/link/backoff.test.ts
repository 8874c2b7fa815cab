import fc from "fast-check";
import { expect, test } from "vitest";
import { backoff } from "./backoff.ts";

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a pause is never shorter than a tenth of a second nor longer than a minute and that tenth", () => {
  const outcome = fc.check(
    fc.property(fc.nat(), chance, (attempt, random) => {
      const pause = backoff(attempt, random);
      return Number.isInteger(pause) && pause >= 100 && pause <= 60_100;
    }),
  );
  expect(outcome.counterexample).toBeNull();
});

test("a later attempt never has a shorter ceiling, and the same attempt spreads over it", () => {
  fc.assert(
    fc.property(fc.nat(40), chance, (attempt, random) => backoff(attempt + 1, random) >= backoff(attempt, random)),
  );
  expect([backoff(0, 0), backoff(0, 0.5), backoff(3, 0.5), backoff(1_000_000, 0.5)]).toEqual([100, 300, 1700, 30_100]);
});
