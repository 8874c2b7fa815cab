import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { loadSeen, saveSeen, SeenFiles } from "./seen.ts";

const folder = fs.mkdtempSync(join(tmpdir(), "provost-seen-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "seen.bin");

test("what was added is there, and nothing like it is", () => {
  const seen = SeenFiles.forFiles(10);
  seen.add(1, 2, 3, 4.5);
  expect(seen.has(1, 2, 3, 4.5)).toBe(true);
  expect([seen.has(9, 2, 3, 4.5), seen.has(1, 9, 3, 4.5), seen.has(1, 2, 9, 4.5), seen.has(1, 2, 3, 9)]).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

test("a full set refuses what is new, still answers, and takes a change of what it has", () => {
  const seen = new SeenFiles(1024);
  let ino = 1;
  while (seen.add(1, ino, 1, 1)) ino += 1;
  expect(seen.isFull).toBe(true);
  expect(seen.has(1, ino, 1, 1)).toBe(false);
  expect(seen.add(1, 1, 2, 2)).toBe(true);
  expect(seen.has(1, 1, 2, 2)).toBe(true);
});

test("a set of any size is the same after it was saved and loaded", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20_000 }),
      fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 1 }), fc.nat(), fc.nat())),
      (capacity, files) => {
        const seen = SeenFiles.forFiles(capacity);
        for (const file of files) seen.add(...file);
        saveSeen(path, seen);
        const loaded = loadSeen(path);
        expect(loaded && [...loaded.identities()]).toEqual([...seen.identities()]);
        expect(loaded?.count).toBe(seen.count);
      },
    ),
    { numRuns: 40 },
  );
});

describe("a damaged file is ignored", () => {
  let whole: Buffer;
  beforeEach(() => {
    const seen = new SeenFiles(1024);
    for (let ino = 1; ino <= 500; ino += 1) seen.add(1, ino, ino * 10, ino + 0.25);
    saveSeen(path, seen);
    whole = fs.readFileSync(path);
  });
  const isIgnored = (bytes: Uint8Array): boolean => {
    fs.writeFileSync(path, bytes);
    return loadSeen(path) === undefined;
  };

  test("and the undamaged one is not", () => {
    expect(loadSeen(path)?.count).toBe(500);
  });

  test.each([0, 1, 12, 63, 64, 65, 1000, -8, -1])("cut at %d", (at) => {
    expect(isIgnored(whole.subarray(0, at))).toBe(true);
  });

  test("longer than it says", () => {
    expect(isIgnored(Buffer.concat([whole, Buffer.alloc(1)]))).toBe(true);
  });

  test("any one bit turned", () => {
    // Bytes 12 to 15 and 24 to 31 of the head mean nothing.
    const meaningful = fc.nat(whole.length - 1).filter((at) => at < 12 || (at >= 16 && at < 24) || at >= 32);
    const outcome = fc.check(
      fc.property(meaningful, fc.nat(7), (at, bit) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        return isIgnored(bytes);
      }),
      { numRuns: 200 },
    );
    expect(outcome.counterexample).toBeNull();
  });

  test("a folder in its place", () => {
    fs.rmSync(path);
    fs.mkdirSync(path);
    expect(loadSeen(path)).toBeUndefined();
    fs.rmdirSync(path);
  });
});
