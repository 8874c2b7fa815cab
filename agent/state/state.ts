import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import Database from "better-sqlite3";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { prepared } from "./prepared.ts";

export type State = Database.Database;

/**
 * The agent's one database: what it knows of this device, what it has yet to tell the server, and what the server proved.
 * Several processes of the agent share it (daemon, scan, command line); SQLite's WAL keeps them apart.
 * Throws STATE_UNUSABLE or STATE_NEWER.
 */
export function openState(folder: string): State {
  let state: State;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    state = new Database(join(folder, "agent.sqlite"), { timeout: 20_000 });
    state.pragma("journal_mode = WAL");
    state.pragma("synchronous = NORMAL");
    state.pragma("cache_size = -1000");
    state.pragma("journal_size_limit = 8388608");
    migrate(state, folder);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("STATE_UNUSABLE", `the agent's state in ${folder} cannot be used: ${reason(cause)}`, {
      cause,
      remedy: "check the folder's owner and free space; or move the folder away: the agent then enrols and scans anew",
    });
  }
  return state;
}

/** Opens an existing state for reading; undefined where the agent never ran. */
export function openStateIfAny(folder: string): State | undefined {
  try {
    return new Database(join(folder, "agent.sqlite"), { readonly: true, fileMustExist: true, timeout: 5000 });
  } catch {
    return undefined;
  }
}

const migrations: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
   CREATE TABLE spool (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, bytes INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX spool_by_lane ON spool (lane, bytes);
   CREATE TABLE files (
     root TEXT NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL, dev INTEGER NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL,
     ctime REAL NOT NULL, mode INTEGER NOT NULL, uid INTEGER NOT NULL, digest TEXT, unreadable TEXT, records TEXT NOT NULL,
     seen_at INTEGER NOT NULL, standing TEXT NOT NULL, basis TEXT NOT NULL, says TEXT NOT NULL, pass INTEGER NOT NULL,
     PRIMARY KEY (root, path)
   ) WITHOUT ROWID, STRICT;
   CREATE INDEX files_by_digest ON files (digest);
   CREATE TABLE owners (purl TEXT NOT NULL, root TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (purl, root, path)) WITHOUT ROWID, STRICT;
   CREATE TABLE packages (
     root TEXT NOT NULL, location TEXT NOT NULL, purl TEXT NOT NULL, body TEXT NOT NULL, pass INTEGER NOT NULL,
     PRIMARY KEY (root, location, purl)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE proofs (
     root TEXT NOT NULL, purl TEXT NOT NULL, state TEXT NOT NULL, says TEXT NOT NULL, wanted TEXT, links TEXT NOT NULL,
     PRIMARY KEY (root, purl)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE proof_files (
     root TEXT NOT NULL, purl TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (root, purl, path, sha256)
   ) WITHOUT ROWID, STRICT;`,
  `ALTER TABLE proofs ADD COLUMN archive TEXT;
   CREATE INDEX proofs_by_archive ON proofs (archive) WHERE archive IS NOT NULL;
   CREATE TABLE attested (
     subject TEXT PRIMARY KEY, verdict TEXT NOT NULL, trust_version TEXT NOT NULL, at INTEGER NOT NULL
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE attested_documents (
     subject TEXT NOT NULL, sha256 TEXT NOT NULL, name TEXT, bytes BLOB NOT NULL, PRIMARY KEY (subject, sha256)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE trust (version TEXT PRIMARY KEY, document TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID, STRICT;`,
  `CREATE TABLE stopped (
     code TEXT PRIMARY KEY, subject TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, body TEXT NOT NULL
   ) WITHOUT ROWID, STRICT;
   CREATE INDEX files_by_inode ON files (ino);
   CREATE INDEX stopped_by_time ON stopped (at);
   CREATE TABLE lineage (
     digest TEXT PRIMARY KEY, maker TEXT NOT NULL, root TEXT NOT NULL, path TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL
   ) WITHOUT ROWID, STRICT;
   CREATE INDEX lineage_by_end ON lineage (until);
   CREATE TABLE approvals (
     digest TEXT PRIMARY KEY, code TEXT NOT NULL, owner TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL, expires INTEGER NOT NULL
   ) WITHOUT ROWID, STRICT;`,
  `CREATE TABLE commands (
     id TEXT PRIMARY KEY, nonce TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, why TEXT, steps TEXT NOT NULL
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE denials (
     digest TEXT NOT NULL, command TEXT NOT NULL, at INTEGER NOT NULL, expires INTEGER, PRIMARY KEY (digest, command)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE audit (
     sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, by TEXT NOT NULL, says TEXT NOT NULL, facts TEXT NOT NULL, hash TEXT NOT NULL
   ) STRICT;`,
  `CREATE TABLE triage (
     command TEXT PRIMARY KEY, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, at INTEGER NOT NULL, answer TEXT NOT NULL, why TEXT
   ) WITHOUT ROWID, STRICT;`,
  `CREATE TABLE maintainer_scripts (
     root TEXT NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL, at INTEGER NOT NULL, older INTEGER NOT NULL, PRIMARY KEY (root, path)
   ) WITHOUT ROWID, STRICT;`,
];

function migrate(state: State, folder: string): void {
  const version = Number(state.pragma("user_version", { simple: true }));
  if (version > migrations.length)
    throw new AppError(
      "STATE_NEWER",
      `the agent's state in ${folder} was written by a newer Provost (format ${version})`,
      {
        remedy: "run the newer version, or move the folder away to start anew",
      },
    );
  for (const [index, sql] of migrations.entries())
    if (index >= version)
      state
        .transaction(() => {
          state.exec(sql);
          state.pragma(`user_version = ${index + 1}`);
        })
        .immediate();
  if (readMeta(state, "epoch") === undefined) writeMeta(state, "epoch", randomUUID());
}

export function readMeta(state: State, key: MetaKey): string | undefined {
  const row = prepared<[string], { value: string }>(state, "SELECT value FROM meta WHERE key = ?").get(key);
  return row?.value;
}

export function writeMeta(state: State, key: MetaKey, value: string): void {
  prepared(
    state,
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  ).run(key, value);
}

export type MetaKey =
  /** The policy of the server as it was signed: JSON of its body and signature. */
  | "server-policy"
  /** The newest of them that could be read as a policy: it holds while a newer one cannot. */
  | "server-policy-read"
  /** Milliseconds since 1970 at which this device began to seal new files that are blocked. */
  | "sealing-since"
  | "epoch"
  | "committed"
  | "device"
  | "device-key"
  | "server-key"
  | "server-url"
  | "server-address"
  | "device-frame"
  | "archives-frames"
  | "last-scan"
  | "pass"
  | "fingerprint"
  | "summary"
  | "telemetry-lost"
  | "retell"
  | "gate"
  | "gate-policy"
  | "sensor";

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
