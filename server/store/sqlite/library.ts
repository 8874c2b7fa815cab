import { hash } from "node:crypto";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import { subjectDigest, type SubjectDigest } from "@provost/shared/provenance/said.ts";
import type { EvidenceStore } from "../../trust/evidence-store.ts";
import {
  comparedLimit,
  subjectLimit,
  type DocumentPage,
  type DocumentRow,
  type LibraryDocument,
  type LibraryStore,
  type Page,
} from "../../trust/library/library-store.ts";
import type { Database } from "better-sqlite3";
import { readCursor, cursorOf } from "./page.ts";

/**
 * Documents are numbered, so that an entry of an index is a digest and a small integer. `library_digests` holds the 32 or 64
 * bytes of a subject and nothing else, in the order of the bytes: one question is one descent of one tree. The bytes of a document
 * lie in the evidence table, as all others do.
 */
export const libraryMigrations: readonly string[] = [
  `CREATE TABLE library_documents (
     n INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, media_type TEXT NOT NULL, name TEXT, named BLOB,
     source TEXT NOT NULL, added_at INTEGER NOT NULL, size INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE library_digests (digest BLOB NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (digest, document)) WITHOUT ROWID, STRICT;
   CREATE TABLE library_names (
     what INTEGER NOT NULL, name BLOB NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (what, name, document)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE library_sources (document INTEGER NOT NULL, repository TEXT NOT NULL, PRIMARY KEY (document, repository)) WITHOUT ROWID, STRICT;`,
];

/** Part of the format: a number once given keeps its meaning. */
const names = { purl: 1, repository: 2, commit: 3, builder: 4, signer: 5, predicate: 6 } as const;
type Name = keyof typeof names;

interface Row {
  readonly n: number;
  readonly sha256: Buffer;
  readonly kind: string;
  readonly media_type: string;
  readonly name: string | null;
  readonly named: Buffer | null;
  readonly source: string;
  readonly added_at: number;
  readonly size: number;
}

export function openLibrary(db: Database, evidence: EvidenceStore): LibraryStore {
  const columns = "d.n, d.sha256, d.kind, d.media_type, d.name, d.named, d.source, d.added_at, d.size";
  const known = db.prepare<[Buffer], Row>(`SELECT ${columns} FROM library_documents d WHERE d.sha256 = ?`);
  const insert = db.prepare(
    "INSERT INTO library_documents (sha256, kind, media_type, name, named, source, added_at, size) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const addDigest = db.prepare("INSERT OR IGNORE INTO library_digests (digest, document) VALUES (?, ?)");
  const addName = db.prepare("INSERT OR IGNORE INTO library_names (what, name, document) VALUES (?, ?, ?)");
  const addSource = db.prepare("INSERT OR IGNORE INTO library_sources (document, repository) VALUES (?, ?)");
  const bySubject = db
    .prepare<[Buffer, number], Buffer>(
      `SELECT d.sha256 FROM library_digests s JOIN library_documents d ON d.n = s.document
       WHERE s.digest = ? ORDER BY s.document LIMIT ?`,
    )
    .pluck();
  // CROSS JOIN keeps this order (SQLite): without it the few documents of a subject may be looked for among all sources.
  const sources = db.prepare<[Buffer, number], { sha256: Buffer; repository: string }>(
    `SELECT d.sha256, r.repository FROM (SELECT document FROM library_digests WHERE digest = ? ORDER BY document LIMIT ?) s
     CROSS JOIN library_sources r ON r.document = s.document CROSS JOIN library_documents d ON d.n = s.document`,
  );
  const listSubject = db.prepare<[Buffer, number, number], Row>(
    `SELECT ${columns} FROM library_digests s JOIN library_documents d ON d.n = s.document
     WHERE s.digest = ? AND s.document > ? ORDER BY s.document LIMIT ?`,
  );
  const listNamed = db.prepare<[number, Buffer, number, number], Row>(
    `SELECT ${columns} FROM library_names s JOIN library_documents d ON d.n = s.document
     WHERE s.what = ? AND s.name = ? AND s.document > ? ORDER BY s.document LIMIT ?`,
  );
  const listAll = db.prepare<[number, number], Row>(
    `SELECT ${columns} FROM library_documents d WHERE d.n > ? ORDER BY d.n LIMIT ?`,
  );
  const byName =
    (what: Name) =>
    (value: string, page: Page): DocumentPage =>
      pageOf(listNamed.all(names[what], nameKey(value), after(page), page.limit + 1), page.limit);

  return {
    transaction: (work) => db.transaction(work).immediate(),
    add(document, keys, from, now) {
      const digest = Buffer.from(document.sha256, "hex");
      const held = known.get(digest);
      if (held === undefined) evidence.put(document.bytes, document.mediaType, document.name ?? keys.kind);
      const n = held?.n ?? Number(insert.run(...rowOf(document, keys.kind, from, now)).lastInsertRowid);
      for (const { hex } of keys.subjects) addDigest.run(Buffer.from(hex, "hex"), n);
      for (const [what, values] of namesIn(keys)) for (const value of values) addName.run(what, nameKey(value), n);
      for (const repository of keys.repositories) addSource.run(n, repository);
      return held === undefined ? "added" : "known";
    },
    bySubject: ({ hex }) => bySubject.all(Buffer.from(hex, "hex"), subjectLimit).map(hexOf),
    document(sha256) {
      const row = known.get(Buffer.from(sha256, "hex"));
      const held = row === undefined ? undefined : evidence.get(sha256);
      if (row === undefined || held === undefined) return undefined;
      return {
        bytes: held.bytes,
        mediaType: row.media_type,
        ...named(row),
        addedAt: row.added_at as Instant,
        from: row.source,
      };
    },
    sourcesOf({ hex }) {
      const found = new Map<Sha256, string[]>();
      for (const { sha256, repository } of sources.all(Buffer.from(hex, "hex"), comparedLimit)) {
        const held = found.get(hexOf(sha256));
        if (held === undefined) found.set(hexOf(sha256), [repository]);
        else held.push(repository);
      }
      return [...found].map(([sha256, repositories]) => ({ sha256, repositories }));
    },
    listSubject: ({ hex }, page) =>
      pageOf(listSubject.all(Buffer.from(hex, "hex"), after(page), page.limit + 1), page.limit),
    byPurl: byName("purl"),
    byRepository: byName("repository"),
    byCommit: byName("commit"),
    byBuilder: byName("builder"),
    bySigner: byName("signer"),
    byPredicate: byName("predicate"),
    all: (page) => pageOf(listAll.all(after(page), page.limit + 1), page.limit),
    each: (from, limit) => listAll.all(from, limit).map((row) => ({ ...shown(row), number: row.n, ...named(row) })),
    count: () => db.prepare<[], number>("SELECT count(*) FROM library_documents").pluck().get() ?? 0,
  };
}

const rowOf = (
  { bytes, sha256, mediaType, name, named }: LibraryDocument,
  kind: string,
  from: string,
  now: Instant,
) => [
  Buffer.from(sha256, "hex"),
  kind,
  mediaType,
  name ?? null,
  named === undefined ? null : Buffer.from(named.hex, "hex"),
  from,
  now,
  bytes.length,
];

function namesIn(keys: Parameters<LibraryStore["add"]>[1]): readonly (readonly [number, readonly string[]])[] {
  return [
    [names.purl, keys.purls],
    [names.repository, keys.repositories],
    [names.commit, keys.commits],
    [names.builder, keys.builders],
    [names.signer, keys.signers],
    [names.predicate, keys.predicates],
  ];
}

/** Half a SHA-256 of a name: long identities make no long index, and who could find two names alike gains a longer list. */
const nameKey = (value: string): Buffer => hash("sha256", value, "buffer").subarray(0, 16);

const hexOf = (bytes: Buffer): Sha256 => bytes.toString("hex") as Sha256;

function named(row: Row): { readonly name?: string; readonly named?: SubjectDigest } {
  const digest = row.named === null ? undefined : subjectDigest(algorithmOf(row.named), row.named.toString("hex"));
  return { ...(row.name === null ? {} : { name: row.name }), ...(digest === undefined ? {} : { named: digest }) };
}

const algorithmOf = (digest: Buffer): string => (digest.length === 64 ? "sha512" : "sha256");

const shown = (row: Row): DocumentRow => ({
  sha256: hexOf(row.sha256),
  kind: row.kind,
  mediaType: row.media_type,
  ...(row.name === null ? {} : { name: row.name }),
  from: row.source,
  addedAt: row.added_at as Instant,
  size: row.size,
});

/** Numbers only ever grow, so a place in a list stays where it is while documents come. */
function after({ cursor }: Page): number {
  const [n] = readCursor(cursor) ?? [];
  return typeof n === "number" && Number.isSafeInteger(n) ? n : 0;
}

function pageOf(rows: readonly Row[], limit: number): DocumentPage {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { rows: kept.map(shown), ...(more ? { next: cursorOf(last.n, 0) } : {}) };
}
