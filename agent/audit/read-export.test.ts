import { describe, expect, test } from "vitest";
import { bind, chainStart } from "@provost/shared/lib/chain.ts";
import type { ChainedEntry } from "@provost/shared/lib/chain.ts";
import { auditHeadText } from "@provost/shared/model/audit-head.ts";
import type { AuditHead } from "@provost/shared/model/audit-head.ts";
import { makeKeyPair, signWith } from "../link/keys.ts";
import { readExport } from "./read-export.ts";

const key = makeKeyPair();

const chain = ((): readonly ChainedEntry[] => {
  let before = chainStart;
  return Array.from({ length: 6 }, (_, at) => {
    const entry = bind(before, {
      sequence: at + 1,
      at: 1_790_000_000_000 + at,
      kind: "approval",
      by: "ada",
      says: `Approved: /opt/t\u00f6\u00f6l "${at}"`,
      facts: { reason: "her own build" },
    });
    before = entry.hash;
    return entry;
  });
})();

function headOf(entries: readonly ChainedEntry[], more: Partial<AuditHead> = {}): AuditHead {
  const first = entries[0]?.sequence ?? 0;
  return {
    audit: "provost-server",
    form: 1,
    at: 1_790_000_000_100,
    by: "ada",
    entries: entries.length,
    first,
    before: chain[first - 2]?.hash ?? chainStart,
    last: entries.at(-1)?.hash ?? chainStart,
    key: key.publicKey,
    ...more,
  };
}
const signed = (head: AuditHead, privateKey = key.privateKey): object => ({
  head,
  signature: signWith(privateKey, Buffer.from(auditHeadText(head))),
});
const bytesOf = (...lines: readonly object[]): Buffer =>
  Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
const exported = (entries: readonly ChainedEntry[], more: Partial<AuditHead> = {}): Buffer =>
  bytesOf(signed(headOf(entries, more)), ...entries);
const part = chain.slice(2, 5);

describe("a server's export", () => {
  test.each([
    ["of all entries", chain, 1],
    ["of a stretch", part, 3],
    ["of one", chain.slice(5), 6],
  ])("%s is whole", (_what, entries, first) => {
    const read = readExport([exported(entries)]);
    expect(read).toMatchObject({ entries: entries.length, last: entries.at(-1)?.hash, fault: undefined });
    expect([read.head?.key, read.first?.sequence]).toEqual([key.publicKey, first]);
  });

  test("of nothing is whole, and says so", () => {
    expect(readExport([exported([])])).toMatchObject({
      entries: 0,
      last: chainStart,
      first: undefined,
      fault: undefined,
    });
  });

  test("is read in pieces of any size", () => {
    for (const size of [1, 7, 100])
      expect(
        readExport(
          (function* () {
            const bytes = exported(part);
            for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
          })(),
        ),
      ).toMatchObject({ entries: 3, fault: undefined });
  });

  test("in which any one byte is another is refuted, in that byte's line or at the next", () => {
    const bytes = exported(part);
    const lineAt = (at: number): number => bytes.subarray(0, at).filter((byte) => byte === 10).length + 1;
    for (let at = 0; at < bytes.length; at += 1)
      for (const change of [1, 2, 4, 16, 32, 128]) {
        const mutated = Buffer.from(bytes);
        mutated[at] = (bytes[at] ?? 0) ^ change;
        const { fault } = readExport([mutated]);
        const there = [fault?.line, `byte ${at} ^ ${change}`];
        expect([
          [lineAt(at), there[1]],
          [lineAt(at) + 1, there[1]],
        ]).toContainEqual(there);
      }
  });

  test("that was cut off anywhere is refuted", () => {
    const bytes = exported(part);
    for (let length = bytes.indexOf(10) + 1; length < bytes.length; length += 1)
      expect([length, readExport([bytes.subarray(0, length)]).fault]).toEqual([length, expect.anything()]);
  });

  test.each<[string, Buffer, object]>([
    [
      "without its last entries",
      bytesOf(signed(headOf(part)), ...part.slice(0, 1)),
      { line: 3, why: "entries 4 to 5 are missing from its end" },
    ],
    [
      "with entries that came later",
      bytesOf(signed(headOf(part)), ...part, ...chain.slice(5)),
      { line: 5, sequence: 6, why: "it comes after the last entry that the head names" },
    ],
    [
      "without its first entry",
      bytesOf(signed(headOf(part)), ...part.slice(1)),
      { line: 2, sequence: 4, why: "entry 3 is missing before it" },
    ],
    [
      "with two entries exchanged",
      bytesOf(signed(headOf(chain)), ...chain.with(1, chain[2] as ChainedEntry).with(2, chain[1] as ChainedEntry)),
      { line: 3, sequence: 3, why: "entry 2 is missing before it" },
    ],
    [
      "below the head of another export",
      bytesOf(signed(headOf(chain)), ...part),
      { line: 2, sequence: 3, why: "entry 1 is missing before it" },
    ],
    [
      "whose past was written again by somebody without the key",
      ((): Buffer => {
        const own = makeKeyPair();
        return bytesOf(signed(headOf(part), own.privateKey), ...part);
      })(),
      { line: 1, why: expect.stringMatching(/signature does not hold/) as string },
    ],
    [
      "with a key that is none",
      bytesOf({ head: headOf(part, { key: "AAAA" }), signature: "AAAA" }, ...part),
      { line: 1, why: expect.stringMatching(/signature does not hold/) as string },
    ],
    [
      "whose head names another end than it signed the way to",
      exported(part, { last: "f".repeat(64) }),
      { line: 5, why: "the head names another last hash" },
    ],
    [
      "with its head twice",
      bytesOf(signed(headOf(part)), signed(headOf(part))),
      { line: 2, why: "it is no entry of an audit" },
    ],
    [
      "with a head in the middle",
      bytesOf(...chain.slice(0, 2), signed(headOf(part)), ...part),
      { line: 3, why: "it is no entry of an audit" },
    ],
    [
      "of a form that is not known",
      bytesOf(signed({ ...headOf(part), form: 2 } as never), ...part),
      { line: 1, why: "it is no entry of an audit" },
    ],
    ["with a time that no clock shows", exported(part, { at: 9e15 }), { line: 1, why: "it is no entry of an audit" }],
    [
      "with a line of megabytes",
      Buffer.concat([exported(part), Buffer.alloc(3e6, 65)]),
      { line: 5, why: expect.stringMatching(/longer than/) as string },
    ],
  ])("%s is refuted at the first bad line", (_what, bytes, fault) => {
    expect(readExport([bytes]).fault).toEqual(fault);
  });

  test("holds the hash that an earlier one ended with, or its past was another", () => {
    const hash = (at: number): string => chain[at]?.hash ?? "";
    const held = [0, 1, 2, 4, 5].map((at) => readExport([exported(part)], hash(at)).holds);
    expect(held).toEqual([false, true, true, true, false]);
  });
});

test("a device's export begins with the first entry", () => {
  expect(readExport([bytesOf(...chain)])).toMatchObject({ entries: 6, head: undefined, fault: undefined });
  expect(readExport([bytesOf(...part)]).fault).toEqual({ line: 1, sequence: 3, why: "entry 1 is missing before it" });
  expect(readExport([])).toMatchObject({ entries: 0, fault: undefined });
});
