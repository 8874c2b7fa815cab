import { beforeEach, describe, expect, test } from "vitest";
import { chainStart, verifyChain } from "@provost/shared/lib/chain.ts";
import { AuditQuery } from "@provost/shared/protocol/api.ts";
import type { NewEntry } from "../audit/audit-store.ts";
import type { Store } from "./store.ts";

const entry = (at: number, more: Partial<NewEntry> = {}): NewEntry => ({
  at,
  kind: "sign-in",
  by: "ada",
  says: `Signed in at ${at}`,
  facts: { address: "127.0.0.1" },
  ...more,
});
const all = [0, Number.MAX_SAFE_INTEGER] as const;

/** The audit: only added to, each entry bound to the one before, whatever a clock or a text is like. */
export function auditContract(scene: () => Store, again: () => Store): void {
  describe("the audit", () => {
    let store: Store;
    beforeEach(() => {
      store = scene();
    });
    const add = (...entries: readonly NewEntry[]): void => entries.forEach((one) => store.audit.append(one));
    const read = (from: number = all[0], to: number = all[1]) => [
      ...store.audit.entries(store.audit.stretch(from, to)),
    ];
    const list = (query: Record<string, unknown> = {}) => store.audit.audit(AuditQuery.parse(query));
    const sequences = (query: Record<string, unknown> = {}) => list(query).rows.map(({ sequence }) => sequence);

    test("is empty at first", () => {
      expect([store.audit.stretch(...all), store.audit.highest(), read()]).toEqual([
        { first: 0, count: 0, before: chainStart, last: chainStart },
        0,
        [],
      ]);
    });

    test("is one chain, also after the store is opened again", () => {
      add(entry(10), entry(20, { facts: {} }));
      store = again();
      add(entry(30, { kind: "approval", by: "eve" }));
      const entries = read();
      expect(verifyChain(entries)).toEqual({ ok: true, count: 3, last: entries[2]?.hash });
      expect(entries[0]).toEqual({
        sequence: 1,
        ...entry(10),
        hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      });
      expect(store.audit.highest()).toBe(3);
    });

    test("a transaction that fails leaves no entry and no gap", () => {
      add(entry(10));
      expect(() =>
        store.inventory.transaction(() => {
          add(entry(20), entry(30));
          throw new Error("no");
        }),
      ).toThrow("no");
      add(entry(40));
      expect(verifyChain(read())).toMatchObject({ ok: true, count: 2 });
      expect(store.audit.highest()).toBe(2);
    });

    test.each([
      ["half of a surrogate pair", "\ud83d"],
      ["a text that was cut within one", "\u{1f600}".repeat(1000).slice(0, 1999)],
      ["NUL, line ends and quotes", '\u0000\n\r\u2028"\\'],
      ["nothing", ""],
      ["what JSON and SQL mean something by", "'); DROP TABLE audit; --{}"],
    ])("stays unbroken with %s in it", (_what, text) => {
      add(entry(10, { by: text, says: text, facts: { reason: text } }), entry(20));
      store = again();
      expect(verifyChain(read())).toMatchObject({ ok: true, count: 2 });
      expect(verifyChain(read().map((one) => JSON.parse(JSON.stringify(one)) as typeof one))).toMatchObject({
        ok: true,
      });
    });

    test("is cut out from the first entry of a time to the last, with all in between", () => {
      // The clock was set back after the second entry.
      add(entry(10), entry(50), entry(20), entry(30), entry(60));
      const whole = read();
      const span = (from: number, to: number) => read(from, to).map(({ sequence }) => sequence);
      expect([span(20, 30), span(20, 55), span(61, 99), span(0, 9), span(30, 20)]).toEqual([
        [2, 3, 4],
        [2, 3, 4],
        [],
        [],
        [2, 3],
      ]);
      expect(store.audit.stretch(20, 30)).toEqual({
        first: 2,
        count: 3,
        before: whole[0]?.hash,
        last: whole[3]?.hash,
      });
    });

    test("comes whole where it is longer than what is read at once", () => {
      store.inventory.transaction(() => add(...Array.from({ length: 2001 }, (_, at) => entry(at))));
      expect(verifyChain(read())).toMatchObject({ ok: true, count: 2001 });
    });

    test("is listed newest first, by kind, words and time, and paged", () => {
      add(entry(10), entry(20, { kind: "approval", says: "Denied: /opt/x" }), entry(30, { facts: { digest: "abc" } }));
      expect(sequences()).toEqual([3, 2, 1]);
      expect(sequences({ sort: "sequence" })).toEqual([1, 2, 3]);
      expect(sequences({ kind: "approval,command" })).toEqual([2]);
      expect([sequences({ q: "denied OPT" }), sequences({ q: "abc" }), sequences({ q: "%" })]).toEqual([[2], [3], []]);
      expect([sequences({ from: "20" }), sequences({ to: "20" })]).toEqual([
        [3, 2],
        [2, 1],
      ]);
      const first = list({ limit: "2" });
      add(entry(40));
      expect([first.total, first.rows.map(({ sequence }) => sequence)]).toEqual([3, [3, 2]]);
      expect(sequences({ limit: "2", cursor: first.next })).toEqual([1]);
    });
  });
}
