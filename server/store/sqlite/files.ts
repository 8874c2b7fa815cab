import { createHash } from "node:crypto";
import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Standing } from "@provost/shared/model/verdict.ts";
import type { FileAtRest } from "../../intel/at-rest.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Inventory, JudgeFile } from "../store.ts";
import { openFileArchives } from "./file-archives.ts";
import type { Database as Db } from "better-sqlite3";
import { rankOf } from "./rows.ts";

/** Earlier digests kept of one path. */
const keptHistory = 100;

/** A place on a device by a name that stays: the same device, root and path give the same id. */
export const fileId = (device: string, root: string, path: string): string =>
  `exe_${createHash("sha256").update(`${device}\n${root}\n${path}`).digest("hex").slice(0, 24)}`;

export function openFiles(
  db: Db,
): Pick<Inventory, "putFiles" | "judgeAgain" | "ownedFiles" | "filesFrom" | "standingAt"> {
  const statements = prepare(db);
  const noteArchives = openFileArchives(db);
  const put = (device: DeviceId, facts: FileFacts, judge: JudgeFile, now: number): void => {
    const id = fileId(device, facts.root, facts.path);
    const { verdict, trustVersion } = judge(facts);
    const before = statements.file.get(id);
    if (before !== undefined && before.digest !== (facts.digest ?? null)) {
      statements.history.run(id, now, before.digest, before.standing, before.basis, before.changed_at);
      statements.trimHistory.run(id, id, keptHistory);
    }
    const numbered = statements.putFile.get({
      id,
      device,
      root: facts.root,
      path: facts.path,
      kind: facts.kind,
      digest: facts.digest ?? null,
      size: facts.identity.size,
      mode: facts.mode,
      package: facts.records[0]?.purl ?? null,
      standing: verdict.standing,
      rank: rankOf[verdict.standing],
      basis: verdict.basis,
      says: verdict.says,
      trust: trustVersion,
      now,
    });
    statements.putFacts.run(numbered?.n, JSON.stringify(facts));
    if (numbered !== undefined) noteArchives(numbered.n, facts);
    if (before !== undefined) statements.disown.run(id);
    for (const record of facts.records) statements.own.run(record.purl, device, facts.root, id);
  };
  return {
    putFiles(device, upserts, gone, judge, now) {
      for (const facts of upserts) put(device, facts, judge, now);
      for (const { root, path } of gone) {
        const id = fileId(device, root, path);
        for (const remove of statements.remove) remove.run(id);
      }
    },
    judgeAgain(device, root, purl, judge, now) {
      let changed = 0;
      for (const row of statements.owned.all(purl, device, root)) {
        const { verdict, trustVersion } = judge(JSON.parse(row.facts) as FileFacts);
        const { standing, basis, says } = verdict;
        const same = standing === row.standing && basis === row.basis && says === row.says;
        if (same && trustVersion === row.trust_version) continue;
        statements.rejudge.run(standing, rankOf[standing], basis, says, trustVersion, now, standing, now, row.id);
        if (!same) changed += 1;
      }
      return changed;
    },
    filesFrom: (after, most) =>
      db
        .prepare<[number, number], FileAtRest & { n: number }>(
          "SELECT n, device, root, path, digest AS sha256, standing FROM files WHERE n > ? AND digest IS NOT NULL ORDER BY n LIMIT ?",
        )
        .all(after, most),
    standingAt: (device, root, path) =>
      db
        .prepare<[string], { standing: Standing }>("SELECT standing FROM files WHERE id = ?")
        .get(fileId(device, root, path))?.standing,
    ownedFiles: (device, root, purl) =>
      statements.owned.all(purl, device, root).map((row) => JSON.parse(row.facts) as FileFacts),
  };
}

const prepare = (db: Db) => ({
  file: db.prepare<[string], { digest: string | null; standing: string; basis: string; changed_at: number }>(
    "SELECT digest, standing, basis, changed_at FROM files WHERE id = ?",
  ),
  // A running program may be told of before its file is.
  putFile: db.prepare<[Record<string, string | number | null>], { n: number }>(
    `INSERT INTO files (id, device, root, path, kind, digest, size, mode, package, standing, rank, basis, says, trust_version, judged_at, first_seen, changed_at, running)
     VALUES (@id, @device, @root, @path, @kind, @digest, @size, @mode, @package, @standing, @rank, @basis, @says, @trust, @now, @now, @now,
       (SELECT coalesce(sum(count), 0) FROM running_files WHERE file = @id))
     ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, digest = excluded.digest, size = excluded.size, mode = excluded.mode,
     package = excluded.package, standing = excluded.standing, rank = excluded.rank, basis = excluded.basis,
     says = excluded.says, trust_version = excluded.trust_version, judged_at = excluded.judged_at,
     changed_at = CASE WHEN files.digest IS excluded.digest AND files.standing = excluded.standing THEN files.changed_at ELSE excluded.changed_at END
     RETURNING n`,
  ),
  putFacts: db.prepare(
    "INSERT INTO file_facts (n, facts) VALUES (?, ?) ON CONFLICT DO UPDATE SET facts = excluded.facts",
  ),
  // Two changes told at once: what was there before both is what history wants, not what stood there for no time.
  history: db.prepare(
    "INSERT OR IGNORE INTO history (file, to_at, digest, standing, basis, from_at) VALUES (?, ?, ?, ?, ?, ?)",
  ),
  trimHistory: db.prepare(
    "DELETE FROM history WHERE file = ? AND to_at <= (SELECT to_at FROM history WHERE file = ? ORDER BY to_at DESC LIMIT 1 OFFSET ?)",
  ),
  disown: db.prepare("DELETE FROM owners WHERE file = ?"),
  own: db.prepare("INSERT OR IGNORE INTO owners (purl, device, root, file) VALUES (?, ?, ?, ?)"),
  remove: [
    db.prepare("DELETE FROM owners WHERE file = ?"),
    db.prepare("DELETE FROM history WHERE file = ?"),
    db.prepare("DELETE FROM file_facts WHERE n = (SELECT n FROM files WHERE id = ?)"),
    db.prepare("DELETE FROM files WHERE id = ?"),
  ],
  rejudge: db.prepare(
    `UPDATE files SET standing = ?, rank = ?, basis = ?, says = ?, trust_version = ?, judged_at = ?,
     changed_at = CASE WHEN standing = ? THEN changed_at ELSE ? END WHERE id = ?`,
  ),
  owned: db.prepare<
    [string, string, string],
    { id: string; facts: string; standing: string; basis: string; says: string; trust_version: string }
  >(
    `SELECT files.id, file_facts.facts, files.standing, files.basis, files.says, files.trust_version FROM owners
     JOIN files ON files.id = owners.file JOIN file_facts ON file_facts.n = files.n
     WHERE owners.purl = ? AND owners.device = ? AND owners.root = ?`,
  ),
});
