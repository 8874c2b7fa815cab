import { hash } from "node:crypto";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { EvidenceRef } from "@provost/shared/model/verdict.ts";
import type { Database } from "better-sqlite3";
import type { EvidenceDocument, EvidenceStore } from "../../trust/evidence-store.ts";

export const evidenceMigrations: readonly string[] = [
  `CREATE TABLE evidence (
    sha256 TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    title TEXT NOT NULL,
    size INTEGER NOT NULL,
    body BLOB NOT NULL
  ) WITHOUT ROWID`,
];

interface Row {
  readonly media_type: string;
  readonly title: string;
  readonly size: number;
  readonly body: Buffer;
}

/** Documents by digest, compressed. What was put once keeps its first title: a digest names one document. */
export function openEvidence(database: Database): EvidenceStore {
  const insert = database.prepare(
    "INSERT OR IGNORE INTO evidence (sha256, media_type, title, size, body) VALUES (?, ?, ?, ?, ?)",
  );
  const select = database.prepare<[string], Row>("SELECT media_type, title, size, body FROM evidence WHERE sha256 = ?");
  const known = database.prepare<[string], Pick<Row, "media_type" | "title">>(
    "SELECT media_type, title FROM evidence WHERE sha256 = ?",
  );
  return {
    put(bytes, mediaType, title): EvidenceRef {
      const sha256 = hash("sha256", bytes, "hex") as Sha256;
      const row = known.get(sha256);
      if (row !== undefined) return { sha256, mediaType: row.media_type, title: row.title };
      insert.run(sha256, mediaType, title, bytes.length, zstdCompressSync(bytes));
      return { sha256, mediaType, title };
    },
    get(sha256): EvidenceDocument | undefined {
      const row = select.get(sha256);
      if (row === undefined) return undefined;
      const bytes = zstdDecompressSync(row.body, { maxOutputLength: Math.max(row.size, 1) });
      return { bytes, mediaType: row.media_type, title: row.title };
    },
  };
}
