import type { FileFacts, FileKind, JudgedRecord } from "@provost/shared/model/inventory.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { Basis, Standing } from "@provost/shared/model/verdict.ts";

/** One row of the table `files`. */
export interface FileRow {
  readonly root: string;
  readonly path: string;
  readonly kind: FileKind;
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly ctime: number;
  readonly mode: number;
  readonly uid: number;
  readonly digest: string | null;
  readonly unreadable: string | null;
  readonly records: string;
  readonly seen_at: number;
  readonly standing: Standing;
  readonly basis: Basis;
  readonly says: string;
  readonly pass: number;
}

export const factsOf = (row: FileRow): FileFacts => ({
  path: row.path,
  root: row.root,
  kind: row.kind,
  identity: { dev: row.dev, ino: row.ino, size: row.size, ctimeMs: row.ctime },
  mode: row.mode,
  uid: row.uid,
  ...(row.digest === null ? {} : { digest: row.digest as Sha256 }),
  ...(row.unreadable === null ? {} : { unreadable: row.unreadable }),
  records: JSON.parse(row.records) as readonly JudgedRecord[],
  seenAt: row.seen_at as Instant,
});

export const insertFile = `INSERT INTO files
  (root, path, kind, dev, ino, size, ctime, mode, uid, digest, unreadable, records, seen_at, standing, basis, says, pass)
  VALUES (@root, @path, @kind, @dev, @ino, @size, @ctime, @mode, @uid, @digest, @unreadable, @records, @seen_at, @standing, @basis, @says, @pass)
  ON CONFLICT (root, path) DO UPDATE SET kind = excluded.kind, dev = excluded.dev, ino = excluded.ino, size = excluded.size,
  ctime = excluded.ctime, mode = excluded.mode, uid = excluded.uid, digest = excluded.digest, unreadable = excluded.unreadable,
  records = excluded.records, seen_at = excluded.seen_at, standing = excluded.standing, basis = excluded.basis,
  says = excluded.says, pass = excluded.pass`;

export const rowOf = (
  facts: FileFacts,
  verdict: Pick<FileRow, "standing" | "basis" | "says">,
  pass: number,
): FileRow => ({
  root: facts.root,
  path: facts.path,
  kind: facts.kind,
  dev: facts.identity.dev,
  ino: facts.identity.ino,
  size: facts.identity.size,
  ctime: facts.identity.ctimeMs,
  mode: facts.mode,
  uid: facts.uid,
  digest: facts.digest ?? null,
  unreadable: facts.unreadable ?? null,
  records: JSON.stringify(facts.records),
  seen_at: facts.seenAt,
  standing: verdict.standing,
  basis: verdict.basis,
  says: verdict.says,
  pass,
});
