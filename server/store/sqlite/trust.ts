import type { Instant } from "@provost/shared/model/ids.ts";
import type { TrustRecord, TrustStore } from "../../trust/trust-store.ts";
import type { Database as Db } from "better-sqlite3";

export const trustMigrations: readonly string[] = [
  `CREATE TABLE trust_versions (
     n INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL, document TEXT NOT NULL
   ) STRICT;`,
];

interface Row {
  readonly version: string;
  readonly at: number;
  readonly by: string;
  readonly why: string;
}

export function openTrustStore(db: Db): TrustStore {
  const current = db.prepare<[], Row & { document: string }>(
    "SELECT version, at, by, why, document FROM trust_versions ORDER BY n DESC LIMIT 1",
  );
  const document = db.prepare<[string], string>("SELECT document FROM trust_versions WHERE version = ?").pluck();
  const versions = db.prepare<[number], Row>("SELECT version, at, by, why FROM trust_versions ORDER BY n DESC LIMIT ?");
  const remove = db.prepare("DELETE FROM trust_versions WHERE version = ?");
  const insert = db.prepare(
    `INSERT INTO trust_versions (n, version, at, by, why, document)
     VALUES ((SELECT coalesce(max(n), 0) + 1 FROM trust_versions), ?, ?, ?, ?, ?)`,
  );
  const publish = db.transaction((record: TrustRecord, text: string) => {
    remove.run(record.version);
    insert.run(record.version, record.at, record.by, record.why, text);
  });
  return {
    current() {
      const row = current.get();
      return row === undefined ? undefined : { ...recordOf(row), document: row.document };
    },
    document: (version) => document.get(version),
    versions: (limit) => versions.all(limit).map(recordOf),
    publish: (record, text) => publish(record, text),
  };
}

const recordOf = ({ version, at, by, why }: Row): TrustRecord => ({ version, at: at as Instant, by, why });
