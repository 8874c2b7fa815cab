import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { forgeTar } from "../../test/support/forge-tar.ts";
import { forgeZip } from "../../test/support/forge-zip.ts";
import { isOsv, readOsv } from "./osv.ts";
import { readIndicators } from "./read-indicators.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-osv-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const put = (name: string, bytes: string | Uint8Array): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), bytes);
};

const record = (number: number, ecosystem: string, name: string, more: object = {}, affected: object = {}) => ({
  schema_version: "1.7.4",
  id: `MAL-2026-${number}`,
  modified: "2026-05-12T06:45:10Z",
  affected: [{ package: { ecosystem, name }, versions: ["1.0.1", "1.0.2"], ...affected }],
  ...more,
});
const whole = { versions: undefined, ranges: [{ type: "SEMVER", events: [{ introduced: "0" }] }] };
const read = async () => readIndicators([folder], 0);

test("a record names its package by ecosystem, name and version; the hit is its id and where it stands", async () => {
  put("one.json", JSON.stringify(record(1, "npm", "@tanstack/react-router")));
  put("list.json", JSON.stringify([record(2, "PyPI", "Evil_Lib", {}, whole), record(3, "npm", "other", {}, whole)]));
  const { set, unmatched, problems } = await read();
  expect([set.size, unmatched, problems]).toEqual([3, 0, []]);
  expect(set.package("npm", "@tanstack/react-router", "1.0.2")).toEqual({
    indicator: "MAL-2026-1",
    source: "one.json",
  });
  expect(set.package("npm", "@tanstack/react-router", "1.0.3")).toBeUndefined();
  expect(set.package("npm", "@tanstack/React-Router", "1.0.2")).toBeUndefined();
  expect(set.package("pypi", "evil-lib", "7")).toMatchObject({ indicator: "MAL-2026-2", source: "list.json" });
  expect(set.package("npm", "evil-lib", "7")).toBeUndefined();
  expect(set.package("npm", "other", "9.9.9")?.indicator).toBe("MAL-2026-3");
});

test.each<[string, (records: readonly (readonly [string, string])[]) => Uint8Array]>([
  ["all.zip", (records) => forgeZip(records.map(([name, data]) => ({ name, data })))],
  ["all.tar", (records) => forgeTar(records.map(([name, data]) => ({ name, data })))],
  ["all.tar.gz", (records) => gzipSync(forgeTar(records.map(([name, data]) => ({ name, data }))))],
])("%s of records is read as one source", async (name, forge) => {
  put(
    name,
    forge([
      ["npm/MAL-2026-1.json", JSON.stringify(record(1, "npm", "one"))],
      ["npm/MAL-2026-2.json", JSON.stringify(record(2, "npm", "two"))],
      ["npm/broken.json", "{"],
      ["README.md", "not a record"],
    ]),
  );
  const { set, unmatched, problems } = await read();
  expect([set.size, unmatched, problems]).toEqual([2, 1, []]);
  expect(set.package("npm", "two", "1.0.1")).toEqual({ indicator: "MAL-2026-2", source: name });
});

test("a folder of records, as OSV lays it out, is one source; links out of it are not followed", async () => {
  put("malicious/npm/one/MAL-2026-1.json", JSON.stringify(record(1, "npm", "one")));
  put("malicious/npm/two/MAL-2026-2.json", JSON.stringify(record(2, "npm", "two")));
  put("malicious/.git/MAL-2026-3.json", JSON.stringify(record(3, "npm", "three")));
  symlinkSync("/", join(folder, "malicious/root"));
  const { set, problems } = await read();
  expect([set.size, problems]).toEqual([2, []]);
  expect(set.package("npm", "two", "1.0.1")?.source).toBe("malicious");
});

test("a damaged archive is named and costs no other file", async () => {
  put("good.json", JSON.stringify(record(1, "npm", "one")));
  put("bad.zip", "PK\u0003\u0004 and nothing that follows");
  put("none.zip", "this is a text");
  const { set, problems } = await read();
  expect(set.size).toBe(1);
  expect(problems).toMatchObject([
    expect.stringMatching(/^bad\.zip: /),
    expect.stringMatching(/^none\.zip: .*no archive/),
  ]);
});

test("what was taken back, what is a vulnerability, and what no device of ours has names nothing", () => {
  const osv = (value: object) => readOsv(value as Record<string, unknown>);
  expect(osv(record(1, "npm", "x", { withdrawn: "2026-06-01T00:00:00Z" }))).toEqual({ packages: [], other: 0 });
  expect(osv(record(1, "npm", "x", { id: "GHSA-5q7g-gw3w-r3rh" }))).toEqual({ packages: [], other: 1 });
  expect(osv(record(1, "crates.io", "x"))).toEqual({ packages: [], other: 1 });
  expect(osv(record(1, "npm", "x", {}, { versions: [] }))).toEqual({ packages: [], other: 1 });
});

test.each<[string, object]>([
  ["names that are no texts", record(1, "npm", 7 as never)],
  ["a version of a megabyte", record(1, "npm", "x", {}, { versions: ["1".repeat(1_000_000)] })],
  [
    "ranges of another kind",
    record(1, "npm", "x", {}, { versions: 7, ranges: [{ type: "GIT", events: [] }, null, 7] }),
  ],
  [
    "events that say nothing",
    record(1, "npm", "x", {}, { versions: [], ranges: [{ type: "SEMVER", events: [{}, 7] }] }),
  ],
  ["no package", { id: "MAL-2026-1", affected: [null, 7, {}, []] }],
])("a record with %s names nothing", (_what, value) => {
  expect(isOsv(value)).toBe(true);
  expect(readOsv(value as Record<string, unknown>).packages).toEqual([]);
});
