import { expect, test } from "vitest";
import { files, read } from "./repository.ts";

const table = read("docs/provenance-checks.md");
const named = [
  ...new Set([...table.matchAll(/`([\w./-]+\.ts)`/g)].map(([, path = ""]) => path.replace(/^\.\.\//, ""))),
];
const known = [...files("shared"), ...files("test")];

test("every place and every test that the list of checks names is there, and is one", () => {
  const unclear = named.filter((path) => known.filter((file) => `/${file}`.endsWith(`/${path}`)).length !== 1);
  expect({ unclear, some: named.length > 20 }).toEqual({ unclear: [], some: true });
});

test("every check has a test, or says why it needs none", () => {
  const rows = table.split("\n").filter((line) => /^\| .+ \| .*`[\w./-]+\.ts`.* \| .*\|$/.test(line));
  const untested = rows.filter((line) => !/`[\w./-]+\.test\.ts`/.test(line.split("|")[3] ?? ""));
  expect(rows.length).toBeGreaterThan(30);
  expect(untested.filter((line) => !/ not asked for: /.test(line))).toEqual([]);
});
