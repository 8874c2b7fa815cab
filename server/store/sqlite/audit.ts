import type { Database as Db } from "better-sqlite3";
import { bind, chainStart } from "@provost/shared/lib/chain.ts";
import type { ChainedEntry } from "@provost/shared/lib/chain.ts";
import type { AuditKind } from "@provost/shared/model/audit-kinds.ts";
import type { AuditStore, Stretch } from "../../audit/audit-store.ts";
import { openAsk } from "./ask.ts";
import { afterCursor, contains, cursorOf, oneOf, orderBy, pageOf, where } from "./page.ts";
import type { Condition } from "./page.ts";

export const auditMigrations: readonly string[] = [
  `CREATE TABLE audit (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, by TEXT NOT NULL, says TEXT NOT NULL, facts TEXT NOT NULL,
     hash TEXT NOT NULL
   ) STRICT;
   CREATE INDEX audit_by_time ON audit (at);
   CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
   CREATE TRIGGER audit_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;`,
];

interface Row {
  readonly sequence: number;
  readonly at: number;
  readonly kind: AuditKind;
  readonly by: string;
  readonly says: string;
  readonly facts: string;
  readonly hash: string;
}

const pageSize = 1000;

export function openAuditStore(db: Db): AuditStore {
  const ask = openAsk(db);
  const newest = db.prepare<[], { sequence: number; hash: string }>(
    "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1",
  );
  // SQLite keeps the highest number beside the table: rows that are taken from the end leave a gap that is found.
  const highest = (): number => ask.number("SELECT seq AS n FROM sqlite_sequence WHERE name = 'audit'");
  const insert = db.prepare(
    "INSERT INTO audit (sequence, at, kind, by, says, facts, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const hashAt = (sequence: number): string =>
    ask.one<{ hash: string }>("SELECT hash FROM audit WHERE sequence = ?", sequence)?.hash ?? chainStart;
  return {
    append: (entry) =>
      // One statement after the other: no second entry comes between the newest and its successor.
      db.transaction(() => {
        const last = newest.get();
        const sequence = Math.max(last?.sequence ?? 0, highest()) + 1;
        const { at, kind, by, says, facts, hash } = bind(last?.hash ?? chainStart, { sequence, ...entry });
        insert.run(sequence, at, kind, by, says, JSON.stringify(facts), hash);
      })(),
    audit(query) {
      const order = { column: "sequence", descending: query.sort.startsWith("-") };
      const filter: Condition[] = [
        ...oneOf("kind", query.kind),
        ...contains(["by", "says", "facts"], query.q),
        ...(query.from === undefined ? [] : [{ sql: "at >= ?", values: [query.from] }]),
        ...(query.to === undefined ? [] : [{ sql: "at <= ?", values: [query.to] }]),
      ];
      const all = where(filter);
      const rest = where([...filter, ...afterCursor(order, "sequence", query.cursor)]);
      const rows = ask.all<Row>(
        `SELECT * FROM audit WHERE ${rest.sql} ORDER BY ${orderBy(order, "sequence")} LIMIT ?`,
        ...rest.values,
        query.limit + 1,
      );
      const total = ask.number(`SELECT count(*) AS n FROM audit WHERE ${all.sql}`, ...all.values);
      return pageOf(rows, query.limit, total, entryOf, (row) => cursorOf(row.sequence, row.sequence));
    },
    highest,
    stretch(from, to) {
      const first = ask.number("SELECT min(sequence) AS n FROM audit WHERE at >= ?", from);
      const last = ask.number("SELECT max(sequence) AS n FROM audit WHERE at <= ?", to);
      if (first === 0 || last < first) return { first: 0, count: 0, before: chainStart, last: chainStart };
      return { first, count: last - first + 1, before: hashAt(first - 1), last: hashAt(last) };
    },
    *entries({ first, count }: Stretch) {
      for (let from = first; from < first + count; from += pageSize)
        yield* ask
          .all<Row>(
            "SELECT * FROM audit WHERE sequence >= ? AND sequence < ? ORDER BY sequence",
            from,
            Math.min(from + pageSize, first + count),
          )
          .map(entryOf);
    },
  };
}

const entryOf = (row: Row): ChainedEntry & { readonly kind: AuditKind; readonly facts: Record<string, string> } => ({
  sequence: row.sequence,
  at: row.at,
  kind: row.kind,
  by: row.by,
  says: row.says,
  facts: factsOf(row.facts),
  hash: row.hash,
});

/** What was written over by hand is still listed, and found by its hash. */
function factsOf(text: string): Record<string, string> {
  try {
    return JSON.parse(text) as Record<string, string>;
  } catch {
    return { unreadable: text };
  }
}
