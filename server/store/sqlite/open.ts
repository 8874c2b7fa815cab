import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { auditMigrations } from "./audit.ts";
import { attestedMigrations } from "./attested.ts";
import { commandMigrations } from "./commands.ts";
import { detectionMigrations, habitMigrations } from "./findings.ts";
import { incidentMigrations } from "./incidents.ts";
import { eventMigrations } from "./events.ts";
import { evidenceMigrations } from "./evidence.ts";
import { gateMigrations } from "./gate.ts";
import { libraryMigrations } from "./library.ts";
import { machineTokenMigrations } from "./machine-tokens.ts";
import { manifestMigrations } from "./manifests.ts";
import { policyMigrations } from "./policies.ts";
import { pullMigrations } from "./pulls.ts";
import { answerMigrations } from "./request-answers.ts";
import { triageMigrations } from "./triage.ts";
import { trustMigrations } from "./trust.ts";

export type Db = Database.Database;

/** The server's one database. Throws STATE_UNUSABLE or STATE_NEWER. */
export function openDatabase(folder: string): Db {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    const db = new Database(join(folder, "server.sqlite"), { timeout: 10_000 });
    db.pragma("journal_mode = WAL");
    // What is acknowledged must survive a power cut: batches make FULL as cheap as NORMAL.
    db.pragma("synchronous = FULL");
    db.pragma("cache_size = -65536");
    db.pragma("journal_size_limit = 67108864");
    migrate(db, folder);
    return db;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AppError("STATE_UNUSABLE", `the server's data in ${folder} cannot be used: ${why}`, {
      cause,
      remedy: "check the folder's owner and free space, or restore a backup",
    });
  }
}

const own: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
   CREATE TABLE devices (
     id TEXT PRIMARY KEY, name TEXT NOT NULL, public_key TEXT NOT NULL, epoch TEXT NOT NULL, acknowledged INTEGER NOT NULL,
     enrolled_at INTEGER NOT NULL, last_seen INTEGER NOT NULL, frame TEXT, scan TEXT, health TEXT, running_at INTEGER
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE tokens (secret TEXT PRIMARY KEY, expires INTEGER NOT NULL, used_by TEXT) WITHOUT ROWID, STRICT;
   CREATE TABLE sign_ins (secret TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID, STRICT;
   CREATE TABLE sessions (
     secret TEXT PRIMARY KEY, user TEXT NOT NULL, role TEXT NOT NULL, csrf TEXT NOT NULL, at INTEGER NOT NULL, expires INTEGER NOT NULL
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE archives (
     device TEXT NOT NULL, root TEXT NOT NULL, sources TEXT NOT NULL, config TEXT, PRIMARY KEY (device, root)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE installs (
     device TEXT NOT NULL, root TEXT NOT NULL, location TEXT NOT NULL, purl TEXT NOT NULL, ecosystem TEXT NOT NULL, name TEXT NOT NULL,
     version TEXT NOT NULL, arch TEXT, origin TEXT, body TEXT NOT NULL, first_seen INTEGER NOT NULL,
     proof TEXT NOT NULL DEFAULT 'none', proof_says TEXT NOT NULL DEFAULT '',
     PRIMARY KEY (device, root, location, purl)
   ) WITHOUT ROWID, STRICT;
   CREATE INDEX installs_by_name ON installs (name, version);
   CREATE INDEX installs_by_purl ON installs (purl, device);
   CREATE TABLE files (
     id TEXT PRIMARY KEY, device TEXT NOT NULL, root TEXT NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL, digest TEXT,
     size INTEGER NOT NULL, mode INTEGER NOT NULL, facts TEXT NOT NULL, package TEXT, standing TEXT NOT NULL, rank INTEGER NOT NULL,
     basis TEXT NOT NULL, says TEXT NOT NULL, trust_version TEXT NOT NULL, judged_at INTEGER NOT NULL,
     first_seen INTEGER NOT NULL, changed_at INTEGER NOT NULL, running INTEGER NOT NULL DEFAULT 0,
     UNIQUE (device, root, path)
   ) WITHOUT ROWID, STRICT;
   CREATE INDEX files_by_digest ON files (digest);
   CREATE INDEX files_by_rank ON files (rank, path, id);
   CREATE INDEX files_by_path ON files (path, id);
   CREATE INDEX files_running ON files (running, id) WHERE running > 0;
   CREATE TABLE owners (purl TEXT NOT NULL, device TEXT NOT NULL, root TEXT NOT NULL, file TEXT NOT NULL, PRIMARY KEY (purl, device, root, file)) WITHOUT ROWID, STRICT;
   CREATE INDEX owners_by_file ON owners (file);
   CREATE TABLE history (
     file TEXT NOT NULL, to_at INTEGER NOT NULL, digest TEXT, standing TEXT NOT NULL, basis TEXT NOT NULL, from_at INTEGER NOT NULL,
     PRIMARY KEY (file, to_at)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE processes (
     device TEXT NOT NULL, pid INTEGER NOT NULL, parent INTEGER NOT NULL, started_at INTEGER NOT NULL, user TEXT NOT NULL,
     command TEXT NOT NULL, container TEXT, files TEXT NOT NULL, PRIMARY KEY (device, pid)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE losses (device TEXT NOT NULL, at INTEGER NOT NULL, lane TEXT NOT NULL, count INTEGER NOT NULL, why TEXT NOT NULL) STRICT;
   CREATE TABLE proof_versions (device TEXT NOT NULL, root TEXT NOT NULL, purl TEXT NOT NULL, version INTEGER NOT NULL, held INTEGER NOT NULL,
     PRIMARY KEY (device, root, purl)) WITHOUT ROWID, STRICT;`,
];

/** What came later: appended here only, for a database knows its format by the number of these. */
const later: readonly string[] = [
  // Numbered rows in place of a tree by name: new files are written beside each other, and lists and counts read rows without
  // what the device told of each file, which is most of the bytes.
  `CREATE TABLE files_numbered (
     n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, device TEXT NOT NULL, root TEXT NOT NULL, path TEXT NOT NULL, package TEXT,
     kind TEXT NOT NULL, digest TEXT, size INTEGER NOT NULL, mode INTEGER NOT NULL, standing TEXT NOT NULL, rank INTEGER NOT NULL,
     basis TEXT NOT NULL, running INTEGER NOT NULL, judged_at INTEGER NOT NULL, first_seen INTEGER NOT NULL,
     changed_at INTEGER NOT NULL, trust_version TEXT NOT NULL, says TEXT NOT NULL
   ) STRICT;
   INSERT INTO files_numbered (id, device, root, path, package, kind, digest, size, mode, standing, rank, basis, running, judged_at, first_seen, changed_at, trust_version, says)
     SELECT id, device, root, path, package, kind, digest, size, mode, standing, rank, basis, 0, judged_at, first_seen, changed_at, trust_version, says
     FROM files ORDER BY device, root, path;
   CREATE TABLE file_facts (n INTEGER PRIMARY KEY, facts TEXT NOT NULL) STRICT;
   INSERT INTO file_facts (n, facts) SELECT files_numbered.n, files.facts FROM files_numbered JOIN files USING (id);
   DROP TABLE files;
   ALTER TABLE files_numbered RENAME TO files;
   CREATE INDEX files_by_digest ON files (digest);
   CREATE INDEX files_by_rank ON files (rank);
   CREATE INDEX files_by_path ON files (path);
   CREATE INDEX files_searched ON files (root, package, path, digest);
   CREATE INDEX files_by_changed_at ON files (changed_at);
   CREATE INDEX files_by_size ON files (size);
   CREATE INDEX files_by_running ON files (running);
   CREATE INDEX files_by_device_rank ON files (device, rank);
   CREATE INDEX files_refuted ON files (changed_at) WHERE rank = 0;
   CREATE INDEX files_running ON files (rank, first_seen) WHERE running > 0;
   CREATE INDEX files_running_here ON files (device) WHERE running > 0;
   CREATE INDEX installs_by_ecosystem ON installs (ecosystem, purl);
   CREATE INDEX installs_by_device ON installs (device, ecosystem);
   DELETE FROM processes;
   CREATE TABLE running_files (
     device TEXT NOT NULL, at INTEGER NOT NULL, file TEXT NOT NULL, path TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (device, at)
   ) WITHOUT ROWID, STRICT;
   CREATE INDEX running_files_by_file ON running_files (file, count);
   CREATE TABLE file_counts (
     device TEXT NOT NULL, standing TEXT NOT NULL, basis TEXT NOT NULL, kind TEXT NOT NULL, running INTEGER NOT NULL, n INTEGER NOT NULL,
     PRIMARY KEY (device, standing, basis, kind, running)
   ) WITHOUT ROWID, STRICT;
   INSERT INTO file_counts SELECT device, standing, basis, kind, 0, count(*) FROM files GROUP BY device, standing, basis, kind;
   CREATE TRIGGER files_counted AFTER INSERT ON files BEGIN
     INSERT INTO file_counts VALUES (new.device, new.standing, new.basis, new.kind, new.running > 0, 1) ON CONFLICT DO UPDATE SET n = n + 1;
   END;
   CREATE TRIGGER files_uncounted AFTER DELETE ON files BEGIN
     UPDATE file_counts SET n = n - 1 WHERE device = old.device AND standing = old.standing AND basis = old.basis AND kind = old.kind AND running = (old.running > 0);
   END;
   CREATE TRIGGER files_recounted AFTER UPDATE OF standing, basis, kind, running ON files
   WHEN old.standing <> new.standing OR old.basis <> new.basis OR old.kind <> new.kind OR (old.running > 0) <> (new.running > 0) BEGIN
     UPDATE file_counts SET n = n - 1 WHERE device = old.device AND standing = old.standing AND basis = old.basis AND kind = old.kind AND running = (old.running > 0);
     INSERT INTO file_counts VALUES (new.device, new.standing, new.basis, new.kind, new.running > 0, 1) ON CONFLICT DO UPDATE SET n = n + 1;
   END;
   DELETE FROM proof_versions WHERE NOT EXISTS (
     SELECT 1 FROM installs WHERE installs.purl = proof_versions.purl AND installs.device = proof_versions.device AND installs.root = proof_versions.root);`,
  ...libraryMigrations,
  ...machineTokenMigrations,
  ...pullMigrations,
  ...trustMigrations,
  ...attestedMigrations,
  ...gateMigrations,
  ...eventMigrations,
  ...commandMigrations,
  ...detectionMigrations,
  ...incidentMigrations,
  ...auditMigrations,
  ...answerMigrations,
  // Nanoseconds since the machine's start, as text: what an order names a process by.
  `ALTER TABLE processes ADD COLUMN since_boot TEXT;`,
  ...habitMigrations,
  ...policyMigrations,
  ...triageMigrations,
  // A sign-in link is made for one person; those made before were the owner's.
  `ALTER TABLE sign_ins ADD COLUMN user TEXT NOT NULL DEFAULT 'owner';
   ALTER TABLE sign_ins ADD COLUMN role TEXT NOT NULL DEFAULT 'owner';`,
];

/** In order; a database of format n has had the first n. */
export const migrations: readonly string[] = [...own, ...evidenceMigrations, ...manifestMigrations, ...later];

function migrate(db: Db, folder: string): void {
  const version = Number(db.pragma("user_version", { simple: true }));
  if (version > migrations.length)
    throw new AppError(
      "STATE_NEWER",
      `the server's data in ${folder} was written by a newer Provost (format ${version})`,
      {
        remedy: "run the newer version, or restore a backup made by this one",
      },
    );
  for (const [index, sql] of migrations.entries())
    if (index >= version)
      db.transaction(() => {
        db.exec(sql);
        db.pragma(`user_version = ${index + 1}`);
      }).immediate();
}
