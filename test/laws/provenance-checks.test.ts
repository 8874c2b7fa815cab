import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { read, top } from "./repository.ts";

const table = read("docs/provenance-checks.md");
const named = [...new Set([...table.matchAll(/`([\w./-]+\.ts)`/g)].map(([, path = ""]) => path))];

test("every place and every test that the list of checks names is there", () => {
  const folders = ["shared/provenance", "shared/provenance/sigstore", "."];
  const lost = named.filter((path) => !folders.some((folder) => existsSync(join(top, folder, path))));
  expect({ lost, some: named.length > 20 }).toEqual({ lost: [], some: true });
});

test("every check has a test, or says why it needs none", () => {
  const rows = table.split("\n").filter((line) => /^\| .+ \| .*`[\w./-]+\.ts`.* \| .*\|$/.test(line));
  const untested = rows.filter((line) => !/`[\w./-]+\.test\.ts`/.test(line.split("|")[3] ?? ""));
  expect(rows.length).toBeGreaterThan(30);
  expect(untested.filter((line) => !/ not asked for: /.test(line))).toEqual([]);
});
