import { expect, test } from "vitest";
import { keyTarget } from "./row-keys.ts";

test.each([
  ["down", "ArrowDown", 3, 4],
  ["up", "ArrowUp", 3, 2],
  ["up at the top stays", "ArrowUp", 0, 0],
  ["down at the bottom stays", "ArrowDown", 99, 99],
  ["a page down", "PageDown", 3, 23],
  ["a page up past the top", "PageUp", 3, 0],
  ["to the start", "Home", 50, 0],
  ["to the end", "End", 50, 99],
  ["a letter is not the list's", "a", 50, undefined],
  ["a key outside the rows is not the list's", "ArrowDown", undefined, undefined],
])("%s", (_name, key, at, to) => {
  expect(keyTarget(key, at, 100, 20)).toBe(to);
});

test("an empty list has nowhere to go", () => {
  expect(keyTarget("End", 0, 0, 20)).toBeUndefined();
});
