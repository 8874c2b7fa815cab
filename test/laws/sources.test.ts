import { expect, test } from "vitest";
import { files, isSource, read } from "./repository.ts";

const mostLines = 500;
const mostTestLines = 600;
const sources = files().filter(isSource);

test("the repository's sources are found", () => {
  expect(sources.length).toBeGreaterThan(200);
});

test(`no source file has more than ${mostLines} lines, no test more than ${mostTestLines}`, () => {
  const long = sources.map((path) => [path, read(path).split("\n").length - 1] as const);
  expect(long.filter(([path, lines]) => lines > (path.includes(".test.") ? mostTestLines : mostLines))).toEqual([]);
});

test("names of files and folders are in kebab-case and never say utils, helpers, manager or service", () => {
  const odd = sources.filter((path) => {
    const parts = path.replace(/(?:\.\w+)+$/, "").split("/");
    return parts.some(
      (part) => !/^\.?[a-z0-9]+(?:-[a-z0-9]+)*$/.test(part) || /^(?:utils?|helpers?|managers?|services?)$/.test(part),
    );
  });
  expect(odd).toEqual([]);
});
