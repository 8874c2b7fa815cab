import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bind } from "@provost/shared/lib/chain.ts";
import type { ChainedEntry } from "@provost/shared/lib/chain.ts";
import { checkChain } from "../../audit/check.ts";
import { sqliteStore } from "./sqlite.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-audit-"));
  const store = sqliteStore(folder);
  for (let at = 1; at <= 6; at += 1)
    store.audit.append({ at, kind: "command", by: "ada", says: `Did ${at}`, facts: { n: `${at}` } });
  store.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As somebody who may write to the database, and knows of the triggers. */
function tamper(sql: string): void {
  const raw = new Database(join(folder, "server.sqlite"));
  raw.exec(`DROP TRIGGER audit_unchanged; DROP TRIGGER audit_kept; ${sql}`);
  raw.close();
}
async function looked(): Promise<Awaited<ReturnType<typeof checkChain>>> {
  const store = sqliteStore(folder);
  try {
    return await checkChain(store.audit);
  } finally {
    store.close();
  }
}

test.each(["UPDATE audit SET by = 'eve'", "DELETE FROM audit"])("the database refuses %s", (sql) => {
  const raw = new Database(join(folder, "server.sqlite"));
  expect(() => raw.exec(sql)).toThrow(/only added to/);
  raw.close();
});

test("what nobody touched is whole", async () => {
  expect(await looked()).toEqual({ whole: true, entries: 6, last: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
});

const exchange = `UPDATE audit SET sequence = 100 WHERE sequence = 3; UPDATE audit SET sequence = 3 WHERE sequence = 4;
  UPDATE audit SET sequence = 4 WHERE sequence = 100`;

describe("rows that were", () => {
  test.each([
    ["changed", "UPDATE audit SET by = 'eve' WHERE sequence = 3", 3, /hash does not follow/],
    ["changed to what is no JSON", "UPDATE audit SET facts = '{' WHERE sequence = 3", 3, /hash does not follow/],
    ["removed", "DELETE FROM audit WHERE sequence = 3", 4, /entry 3 is missing/],
    ["removed from the beginning", "DELETE FROM audit WHERE sequence < 3", 3, /entry 1 is missing/],
    ["exchanged", exchange, 3, /hash does not follow/],
    ["removed from the end", "DELETE FROM audit WHERE sequence > 4", 5, /gone from the end/],
    ["all removed", "DELETE FROM audit", 1, /gone from the end/],
  ])("%s are found", async (_what, sql, sequence, why) => {
    tamper(sql);
    const state = await looked();
    expect(state).toMatchObject({ whole: false, broken: { sequence, why: expect.stringMatching(why) as string } });
  });

  test("cut from the end leave a gap that the next entry does not close", async () => {
    tamper("DELETE FROM audit WHERE sequence > 4");
    const store = sqliteStore(folder);
    store.audit.append({ at: 9, kind: "command", by: "ada", says: "Went on", facts: {} });
    store.close();
    expect(await looked()).toMatchObject({ entries: 4, broken: { sequence: 7, why: "entry 5 is missing before it" } });
  });

  test("bound again to the end are whole here: only somebody who holds an earlier hash finds them", async () => {
    const raw = new Database(join(folder, "server.sqlite"));
    raw.exec("DROP TRIGGER audit_unchanged");
    const rows = raw.prepare<[], ChainedEntry & { facts: string }>("SELECT * FROM audit ORDER BY sequence").all();
    let before = rows[1]?.hash ?? "";
    for (const row of rows.slice(2)) {
      const bound = bind(before, { ...row, by: "eve", facts: JSON.parse(row.facts) as Record<string, string> });
      raw.prepare("UPDATE audit SET by = ?, hash = ? WHERE sequence = ?").run("eve", bound.hash, row.sequence);
      before = bound.hash;
    }
    raw.close();
    const state = await looked();
    expect([state.whole, state.last === rows.at(-1)?.hash]).toEqual([true, false]);
  });
});
