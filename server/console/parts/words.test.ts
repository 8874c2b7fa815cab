import { bases, standings } from "@provost/shared/model/verdict.ts";
import { expect, test } from "vitest";
import { bytes, counted, share } from "./number-words.ts";
import { attentionOrder, barOrder, basisWords, standingWords } from "./standing-words.ts";
import { absolute, nowFor, relative, span } from "./time-words.ts";
import { splitPath, visible } from "./visible-text.ts";

const at = Date.UTC(2026, 10, 22, 20, 13, 1);
const hour = 3_600_000;

test.each([
  ["the present", at, "now"],
  ["a clock a little ahead", at + 4000, "now"],
  ["seconds", at - 42_000, "42 s ago"],
  ["minutes", at - 150_000, "2 min ago"],
  ["hours", at - 47 * hour, "47 h ago"],
  ["days", at - 49 * hour, "2 days ago"],
  ["months", at - 24 * 70 * hour, "2 months ago"],
  ["years", at - 24 * 800 * hour, "2 years ago"],
  ["what is to come", at + 9 * 60_000, "in 9 min"],
])("%s is told relative to now", (_name, then, words) => {
  expect(relative(then, at)).toBe(words);
});

test("an absolute time is UTC to the second, and a time beyond the calendar is not an exception", () => {
  expect(absolute(at)).toBe("2026-11-22 20:13:01 UTC");
  expect(absolute(9e18)).toBe("unknown time");
  expect(span(0.4)).toBe("0 s");
});

test.each([
  ["nothing to share", 0, 0, undefined],
  ["none", 0, 10, "0%"],
  ["all", 10, 10, "100%"],
  ["all but one of many is not all", 99_999, 100_000, "over 99.9%"],
  ["one of many is not none", 1, 100_000, "under 0.1%"],
  ["a little", 1, 30, "3.3%"],
  ["most", 371, 412, "90%"],
  ["nearly all is cut, not rounded", 9996, 10_000, "over 99.9%"],
])("%s as a share", (_name, part, whole, words) => {
  expect(share(part, whole)).toBe(words);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 KiB"],
  [61_341_696, "58.5 MiB"],
  [10 * 1024 ** 3, "10.0 GiB"],
  [5000 * 1024 ** 4, "5000 TiB"],
])("%d bytes are %s", (value, words) => {
  expect(bytes(value)).toBe(words);
});

test("one is one", () => {
  expect([counted(1, "process", "processes"), counted(1200, "device")]).toEqual(["1 process", "1,200 devices"]);
});

test.each([
  ["a right-to-left override", "\u202egpj.exe", "\\xe2\\x80\\xaegpj.exe"],
  ["a terminal's escape", "a\u001b[2J", "a\\x1b[2J"],
  ["what was escaped before", "/tmp/a\\x0a", "/tmp/a\\x0a"],
  ["an umlaut", "/tmp/ä", "/tmp/ä"],
])("%s is shown as it is", (_name, text, shown) => {
  expect(visible(text)).toBe(shown);
});

test.each([
  ["/usr/bin/bash", "/usr/bin/", "bash"],
  ["bash", "", "bash"],
  ["/", "", "/"],
  ["/tmp/", "", "/tmp/"],
  ["/tmp/a/b (deleted)", "/tmp/a/", "b (deleted)"],
])("%s is cut into folder and name", (path, folder, name) => {
  expect(splitPath(path)).toEqual({ folder, name });
});

test("every standing and basis has words, a place in the bar and one in the legend", () => {
  expect(Object.keys(basisWords).toSorted()).toEqual([...bases].toSorted());
  for (const order of [Object.keys(standingWords), barOrder, attentionOrder])
    expect([...order].toSorted()).toEqual([...standings].toSorted());
});

test("no words call a file safe", () => {
  const words = [...Object.values(standingWords), ...Object.values(basisWords)].map(
    ({ word, means }) => `${word} ${means}`,
  );
  expect(words.filter((each) => /\bsafe\b/i.test(each))).toEqual([]);
});

test.each([
  ["what happened since the page's clock moved is not in the future", 13_000, 0, 13_000],
  ["what will be is", 60_000, 0, 0],
  ["what was is", 0, 13_000, 13_000],
])("%s", (_sentence, then, clock, now) => {
  expect(nowFor(then, clock, 30_000)).toBe(now);
});
