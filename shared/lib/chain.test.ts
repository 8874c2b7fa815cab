import { array, assert, integer, property, record, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { bind, chainStart, readChain, verifyChain } from "./chain.ts";
import type { ChainedEntry } from "./chain.ts";

function chainOf(length: number): readonly ChainedEntry[] {
  let last = chainStart;
  return Array.from({ length }, (_, at) => {
    const entry = bind(last, {
      sequence: at + 1,
      at: 1000 + at,
      kind: "command",
      by: "ada",
      says: `Did ${at}`,
      facts: { command: `cmd_${at}` },
    });
    last = entry.hash;
    return entry;
  });
}
const chain = chainOf(5);
const [one, two, three] = chain as [ChainedEntry, ChainedEntry, ChainedEntry];

describe("a chain with", () => {
  test.each<[string, readonly ChainedEntry[], number, RegExp]>([
    ["a changed word", chain.with(2, { ...three, says: "Did nothing" }), 3, /hash does not follow/],
    ["a changed time", chain.with(2, { ...three, at: 0 }), 3, /hash does not follow/],
    ["a changed fact", chain.with(2, { ...three, facts: { command: "cmd_9" } }), 3, /hash does not follow/],
    ["a fact more", chain.with(2, { ...three, facts: { ...three.facts, more: "" } }), 3, /hash does not follow/],
    ["a changed hash", chain.with(2, { ...three, hash: two.hash }), 3, /hash does not follow/],
    [
      "an entry that was changed and bound again",
      chain.with(1, bind(one.hash, { ...two, by: "eve" })),
      3,
      /hash does not follow/,
    ],
    ["an entry missing", chain.toSpliced(2, 1), 4, /entry 3 is missing before it/],
    ["two exchanged", chain.with(1, three).with(2, two), 3, /entry 2 is missing before it/],
    ["one twice", chain.toSpliced(1, 0, one), 1, /entry 2 belongs in its place/],
  ])("%s is found at its place", (_what, entries, sequence, why) => {
    expect(verifyChain(entries)).toEqual({ ok: false, sequence, why: expect.stringMatching(why) as string });
  });

  test("its beginning missing is found where the beginning is known", () => {
    expect(verifyChain(chain.slice(1))).toMatchObject({ ok: false, sequence: 2 });
    expect(verifyChain(chain.slice(1), one.hash)).toMatchObject({ ok: true, count: 4 });
    expect(readChain(one.hash, 1).next(two)).toBe("entry 1 is missing before it");
  });
});

test("a reader takes nothing from an entry that does not follow", () => {
  const reader = readChain(chainStart, 1);
  expect([reader.next(one), reader.next(three), reader.next(two), reader.next(three)]).toEqual([
    undefined,
    "entry 2 is missing before it",
    undefined,
    undefined,
  ]);
  expect([reader.count, reader.last]).toEqual([3, three.hash]);
});

test("whatever is bound is unbroken after it was written as UTF-8 and read again", () => {
  const text = string({ unit: "binary" });
  const lone = string({ unit: integer({ min: 0xd7f0, max: 0xe010 }).map((unit) => String.fromCharCode(unit)) });
  assert(
    property(array(record({ by: text, says: lone, fact: lone }), { maxLength: 5 }), (all) => {
      let last = chainStart;
      const entries = all.map(({ by, says, fact }, at) => {
        const entry = bind(last, { sequence: at + 1, at, kind: "k", by, says, facts: { fact } });
        last = entry.hash;
        return entry;
      });
      const stored = Buffer.from(JSON.stringify(entries)).toString();
      const columns = entries.map((entry) => ({ ...entry, says: Buffer.from(entry.says).toString() }));
      expect(verifyChain(JSON.parse(stored) as ChainedEntry[])).toMatchObject({ ok: true, count: all.length });
      expect(verifyChain(columns)).toMatchObject({ ok: true });
    }),
  );
});
