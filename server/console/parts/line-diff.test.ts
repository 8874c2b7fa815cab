import { expect, test } from "vitest";
import { lineDiff, withoutFarLines, type DiffLine } from "./line-diff.ts";

const marks = { same: " ", gone: "-", new: "+" } as const;
const shown = (before: string, after: string): string =>
  lineDiff(before, after)
    .map(({ is, text }) => marks[is] + text)
    .join("\n");

test.each([
  ["equal texts have no change", "a\nb\n", "a\nb\n", " a\n b"],
  ["a changed line goes before the one that replaces it", "a\nb\nc", "a\nB\nc", " a\n-b\n+B\n c"],
  ["a line that is put between is the only change", "a\nc", "a\nb\nc", " a\n+b\n c"],
  ["a line that is taken out is the only change", "a\nb\nc", "a\nc", " a\n-b\n c"],
  ["a moved line is taken out and put in once", "a\nb\nc\nd", "b\nc\nd\na", "-a\n b\n c\n d\n+a"],
  ["everything is new against nothing", "", "a\nb", "+a\n+b"],
  ["everything goes for nothing", "a\nb", "", "-a\n-b"],
  ["a repeated line is not taken for its twin", "x\nx\ny", "x\ny", " x\n-x\n y"],
  ["the break at the end is no line", "a", "a\n", " a"],
  ["an empty line is a line", "a\n\nb", "a\nb", " a\n-\n b"],
  ["another kind of line break is no change", "a\r\nb\r\n", "a\nb\n", " a\n b"],
])("%s", (_sentence, before, after, wanted) => {
  expect(shown(before, after)).toBe(wanted);
});

/** Both texts can be read back from the lines, with the numbers they have there. */
function readBack(lines: readonly DiffLine[], side: "before" | "after"): string {
  const own = lines.filter((line) => side in line) as { readonly text: string; before: number; after: number }[];
  expect(own.map((line) => line[side])).toEqual(own.map((_, at) => at + 1));
  return own.map(({ text }) => text).join("\n");
}

test("any two texts can be read back from their lines, and what they share is as long as can be", () => {
  let seed = 7;
  const chance = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  for (let round = 0; round < 200; round += 1) {
    const text = (): string => Array.from({ length: 1 + chance(9) }, () => "abc"[chance(3)]).join("\n");
    const [before, after] = [text(), text()];
    const lines = lineDiff(before, after);
    expect([readBack(lines, "before"), readBack(lines, "after")]).toEqual([before, after]);
    expect(lines.filter(({ is }) => is === "same")).toHaveLength(longest(before.split("\n"), after.split("\n")));
  }
});

const longest = ([a, ...as]: readonly string[], [b, ...bs]: readonly string[]): number =>
  a === undefined || b === undefined
    ? 0
    : a === b
      ? 1 + longest(as, bs)
      : Math.max(longest([a, ...as], bs), longest(as, [b, ...bs]));

test("texts too large for the table are still told whole, within a moment", () => {
  const many = (word: string): string => Array.from({ length: 20_000 }, (_, at) => `${word} ${at}`).join("\n");
  const [before, after] = [`same\n${many("old")}`, `same\n${many("new")}`];
  const lines = lineDiff(before, after);
  expect([readBack(lines, "before"), readBack(lines, "after")]).toEqual([before, after]);
});

test("lines far from a change are counted and left out", () => {
  const before = Array.from({ length: 30 }, (_, at) => `line ${at + 1}`);
  const after = before.with(14, "another");
  const lines = withoutFarLines(lineDiff(before.join("\n"), after.join("\n")), 2);
  expect(lines.map((line) => (line.is === "skipped" ? line.lines : marks[line.is] + line.text))).toEqual([
    12,
    " line 13",
    " line 14",
    "-line 15",
    "+another",
    " line 16",
    " line 17",
    13,
  ]);
  expect(withoutFarLines(lineDiff("a\nb", "a\nb"))).toEqual([{ is: "skipped", lines: 2 }]);
});
