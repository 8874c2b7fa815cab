import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { instant } from "@provost/shared/model/ids.ts";
import { provenanceEnvelope } from "../../../test/support/statements.ts";
import { sqliteStore } from "../../store/index.ts";
import { openEvidence } from "../../store/sqlite/evidence.ts";
import { openLibrary } from "../../store/sqlite/library.ts";
import { migrations } from "../../store/sqlite/open.ts";
import type { Store } from "../../store/store.ts";
import { openLibraryOver, type Library } from "./library.ts";
import { libraryLimits } from "./limits.ts";
import { streamLines, type StreamLine } from "./read-lines.ts";
import { receiveLines } from "./receive.ts";
import { wantedOfPackage } from "./wanted.ts";

let folder: string;
let store: Store;
let library: Library;
const said: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-receive-"));
  store = sqliteStore(folder);
  library = openLibraryOver(store.library, (why) => said.push(why));
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const digest = (at: number): string => at.toString(16).padStart(64, "0");
async function* pieces(...parts: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part);
}
const receiving = () => ({ library, from: "test", now: () => instant(1) });

describe("lines of a stream", () => {
  const linesOf = async (maxBytes: number, ...parts: readonly string[]): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const line of streamLines(pieces(...parts), maxBytes)) found.push(shown(line));
    return found;
  };
  const shown = (line: StreamLine): string => (line.kind === "line" ? line.bytes.toString() : "too long");

  test.each<readonly [string, readonly string[], readonly string[]]>([
    ["nothing", [], []],
    ["line feeds alone", ["\n\r\n\n"], []],
    ["lines cut anywhere", ["o", "ne\nt", "wo\r", "\nthree"], ["one", "two", "three"]],
    ["a line that is too long, in pieces", ["ok\n", "xxxxxx", "xxxxxx", "xx\nok\n"], ["ok", "too long", "ok"]],
    ["a last line that is too long", ["ok\nxxxxxxxxxxxxxx"], ["ok", "too long"]],
    ["a line of just the bound", ["xxxxxxxxxx\n"], ["xxxxxxxxxx"]],
    ["a carriage return inside", ["a\rb\n"], ["a\rb"]],
  ])("%s", async (_name, parts, expected) => {
    expect(await linesOf(10, ...parts)).toEqual(expected);
  });
});

test("many lines are stored in batches; the first thousand outcomes and the refusals are told, the rest is counted", async () => {
  async function* many(): AsyncGenerator<Buffer> {
    for (let at = 0; at < 2500; at += 1)
      yield Buffer.from(`${provenanceEnvelope(digest(at))}\n${at < 1500 ? "x\n" : ""}`);
  }
  const found = await receiveLines(many(), {}, receiving());
  expect(found).toMatchObject({ added: 2500, refused: 1500 });
  expect(found.documents).toHaveLength(2000);
  expect(found.documents.length + found.untold).toBe(4000);
  expect(store.library.count()).toBe(2500);
}, 60_000);

test("more documents than an upload may have end it, and those before are stored", async () => {
  const body = pieces(...[0, 1, 2, 3].map((at) => `${provenanceEnvelope(digest(at))}\n`));
  const limits = { ...libraryLimits, uploadDocuments: 3, batchDocuments: 1 };
  await expect(receiveLines(body, {}, receiving(), limits)).rejects.toMatchObject({ code: "LIMIT" });
  expect(store.library.count()).toBe(3);
});

test("more bytes than an upload may have end it", async () => {
  const limits = { ...libraryLimits, uploadBytes: 10 };
  await expect(receiveLines(pieces("123456789", "123456789"), {}, receiving(), limits)).rejects.toMatchObject({
    code: "LIMIT",
  });
});

test("a listener that fails takes nothing back, and is told", () => {
  library.onAdded(() => {
    throw new Error("no desk");
  });
  const [outcome] = library.take([{ bytes: Buffer.from(provenanceEnvelope(digest(1))) }], "test", instant(1));
  expect(outcome).toMatchObject({ outcome: "added" });
  expect(said).toContain("a listener of the library failed: no desk");
  expect(store.library.count()).toBe(1);
});

test("on a full disk nothing is acknowledged, and all that was acknowledged before is there", () => {
  const full = new Database(join(folder, "small.sqlite"));
  for (const sql of migrations) full.exec(sql);
  full.pragma("max_page_count = 120");
  const small = openLibrary(full, openEvidence(full));
  const own = openLibraryOver(small, () => undefined);
  const told: number[] = [];
  own.onAdded((subjects) => told.push(subjects.length));
  let stored = 0;
  const add = (): void => {
    for (let at = 0; at < 10_000; at += 1) {
      const documents = [0, 1, 2].map((one) => ({
        bytes: Buffer.from(provenanceEnvelope(digest(at * 3 + one), `o/${at}`)),
      }));
      stored += own.take(documents, "test", instant(1)).length;
    }
  };
  expect(add).toThrow(expect.objectContaining({ code: "SQLITE_FULL" }));
  expect(stored).toBeGreaterThan(0);
  expect(small.count()).toBe(stored);
  expect(told).toHaveLength(stored / 3);
  expect(small.bySubject({ algorithm: "sha256", hex: digest(stored) })).toEqual([]);
  full.close();
});

const registries = { npm: "https://registry.npmjs.org", pypi: "https://pypi.org" };
test.each<readonly [string, string, string | undefined, boolean]>([
  ["npm", "left-pad", undefined, true],
  ["npm", "left-pad", "https://registry.npmjs.org", true],
  ["npm", "left-pad", "https://npm.corp.example", false],
  ["npm", "left-pad", "link", false],
  ["npm", "@corp/secret", undefined, false],
  ["npm", "@types/node", "https://registry.npmjs.org", true],
  ["npm", "with space", undefined, false],
  ["pypi", "requests", "pip", true],
  ["pypi", "requests", undefined, true],
  ["pypi", "ours", "file:///home/dev/ours", false],
  ["pypi", "ours", "https://git.corp.example/ours", false],
] as const)("%s %s from %s: asked for is %s", (ecosystem, name, origin, asked) => {
  const known = {
    ecosystem: ecosystem as "npm" | "pypi",
    name,
    version: "1",
    ...(origin === undefined ? {} : { origin }),
  };
  expect(wantedOfPackage(known, registries) !== undefined).toBe(asked);
});
