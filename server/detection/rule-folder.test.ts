import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ruleText } from "../../test/support/sigma.ts";
import { followRules } from "./rule-folder.ts";

let folder: string;
let stop: () => void;
const used: string[][] = [];
const said: string[] = [];
const rule = (value: string): string => ruleText(`s: { F: ${value} }\ncondition: s`, { id: value });

beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(join(tmpdir(), "provost-rules-"));
  used.length = 0;
  said.length = 0;
  writeFileSync(join(folder, "a.yml"), rule("one"));
  stop = followRules(
    folder,
    ({ rules }) => used.push(rules.map(({ facts }) => facts.id)),
    (line) => said.push(line),
    1000,
  );
});
afterEach(() => {
  stop();
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

test("an edit is noticed though length and time of the file are what they were", () => {
  const path = join(folder, "a.yml");
  const { atime, mtime } = statSync(path);
  writeFileSync(path, rule("two"));
  utimesSync(path, atime, mtime);
  vi.advanceTimersByTime(1000);
  expect(used).toEqual([["one"], ["two"]]);
});

test("what did not change is not used anew", () => {
  vi.advanceTimersByTime(5000);
  expect(used).toEqual([["one"]]);
});

test("when nothing can be used, the rules at hand stay, and that is said once", () => {
  writeFileSync(join(folder, "a.yml"), "title: broken\ndetection: [\n");
  vi.advanceTimersByTime(5000);
  expect(used).toEqual([["one"]]);
  expect(said.filter((line) => line.includes("the rules at hand stay"))).toHaveLength(1);
  writeFileSync(join(folder, "a.yml"), rule("six"));
  vi.advanceTimersByTime(1000);
  expect(used).toEqual([["one"], ["six"]]);
});

test("one broken rule is left out, a folder that was emptied has none", () => {
  writeFileSync(join(folder, "b.yml"), "title: broken\ndetection: [\n");
  vi.advanceTimersByTime(1000);
  expect(used.at(-1)).toEqual(["one"]);
  rmSync(join(folder, "a.yml"));
  rmSync(join(folder, "b.yml"));
  vi.advanceTimersByTime(1000);
  expect(used.at(-1)).toEqual([]);
});
