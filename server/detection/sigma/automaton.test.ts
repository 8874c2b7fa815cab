import { array, assert, constantFrom, property, record, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { placed } from "./ask.ts";
import { buildAutomaton, type Needle } from "./automaton.ts";

const letters = (maxLength: number) => string({ unit: constantFrom("a", "b", "c", "ă"), minLength: 1, maxLength });
const needle = record({ text: letters(12), placement: constantFrom("starts", "ends", "contains") });

function found(needles: readonly Needle[], text: string, cells?: number): readonly number[] {
  const numbers = new Set<number>();
  buildAutomaton(needles, cells).scan(text, (number) => numbers.add(number));
  return [...numbers].toSorted((a, b) => a - b);
}

describe.each([
  ["with its table", undefined],
  ["without", 0],
])("the automaton, %s", (_name, cells) => {
  test("misses no text that is there, and invents no short one", () => {
    assert(
      property(array(needle, { minLength: 1, maxLength: 8 }), letters(30), (needles, text) => {
        const numbers = found(needles, text, cells);
        const there = needles.map(({ placement, text: wanted }) => placed(placement, text, wanted));
        const missed = there.flatMap((is, number) => (is && !numbers.includes(number) ? [number] : []));
        const invented = numbers.filter(
          (number) => there[number] === false && (needles[number]?.text.length ?? 0) <= 8,
        );
        expect({ missed, invented }).toEqual({ missed: [], invented: [] });
      }),
      { numRuns: 1000 },
    );
  });

  test("finds texts inside texts", () => {
    const needles = ["abcd", "bc", "c", "xyz"].map((text): Needle => ({ text, placement: "contains" }));
    expect(found(needles, "abcd", cells)).toEqual([0, 1, 2]);
  });
});
