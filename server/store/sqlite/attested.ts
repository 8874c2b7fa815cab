import type { DeviceId, Instant, Purl, Sha256 } from "@provost/shared/model/ids.ts";
import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Basis, Judged, Standing } from "@provost/shared/model/verdict.ts";
import type { AssessmentChange, AttestedStore } from "../../trust/attested-store.ts";
import { rankOf } from "./rows.ts";
import type { Database as Db } from "better-sqlite3";

export const attestedMigrations: readonly string[] = [
  `CREATE TABLE assessments (
     subject TEXT PRIMARY KEY, judged TEXT NOT NULL, documents TEXT NOT NULL
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE assessment_queue (n INTEGER PRIMARY KEY, subject TEXT NOT NULL UNIQUE) STRICT;
   CREATE TABLE assessment_changes (
     n INTEGER PRIMARY KEY, subject TEXT NOT NULL, trust_version TEXT NOT NULL, at INTEGER NOT NULL, from_standing TEXT, from_basis TEXT,
     to_standing TEXT, to_basis TEXT, says TEXT NOT NULL
   ) STRICT;
   CREATE INDEX assessment_changes_by_trust ON assessment_changes (trust_version, n);
   CREATE TABLE archive_subjects (key TEXT PRIMARY KEY, sha256 TEXT NOT NULL, sha512 TEXT, purl TEXT) WITHOUT ROWID, STRICT;
   CREATE INDEX archive_subjects_by_sha256 ON archive_subjects (sha256);
   CREATE INDEX archive_subjects_by_sha512 ON archive_subjects (sha512);
   CREATE TABLE file_archives (key TEXT NOT NULL, file INTEGER NOT NULL, PRIMARY KEY (key, file)) WITHOUT ROWID, STRICT;
   CREATE INDEX file_archives_by_file ON file_archives (file);
   CREATE TRIGGER files_leave_archives AFTER DELETE ON files BEGIN DELETE FROM file_archives WHERE file = old.n; END;
   CREATE TABLE proof_archives (
     archive TEXT NOT NULL, device TEXT NOT NULL, root TEXT NOT NULL, purl TEXT NOT NULL, PRIMARY KEY (archive, device, root, purl)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE attested_versions (
     device TEXT NOT NULL, subject TEXT NOT NULL, version INTEGER NOT NULL, held INTEGER NOT NULL, PRIMARY KEY (device, subject)
   ) WITHOUT ROWID, STRICT;`,
];

/** Tables of a device that begin anew with its epoch. */
export const attestedTables = ["proof_archives", "attested_versions"] as const;

export function openAttested(db: Db): AttestedStore {
  return { ...openAssessments(db), ...openQueue(db), ...openPlaces(db), ...openVersions(db), ...openChanges(db) };
}

function openAssessments(db: Db): Pick<AttestedStore, "assessment" | "putAssessment"> {
  const select = db.prepare<[string], { judged: string; documents: string }>(
    "SELECT judged, documents FROM assessments WHERE subject = ?",
  );
  const put = db.prepare("INSERT OR REPLACE INTO assessments (subject, judged, documents) VALUES (?, ?, ?)");
  const remove = db.prepare("DELETE FROM assessments WHERE subject = ?");
  return {
    assessment(subject) {
      const row = select.get(subject);
      return row === undefined
        ? undefined
        : { judged: JSON.parse(row.judged) as Judged, documents: JSON.parse(row.documents) as Sha256[] };
    },
    putAssessment(subject, assessment) {
      if (assessment === undefined) return void remove.run(subject);
      return void put.run(subject, JSON.stringify(assessment.judged), JSON.stringify(assessment.documents));
    },
  };
}

function openQueue(db: Db): Pick<AttestedStore, "enqueue" | "enqueueAssessed" | "next" | "done" | "waiting"> {
  const enqueue = db.prepare("INSERT OR IGNORE INTO assessment_queue (subject) VALUES (?)");
  const all = db.prepare("INSERT OR IGNORE INTO assessment_queue (subject) SELECT subject FROM assessments");
  const next = db.prepare<[number], Sha256>("SELECT subject FROM assessment_queue ORDER BY n LIMIT ?").pluck();
  const done = db.prepare("DELETE FROM assessment_queue WHERE subject = ?");
  const waiting = db.prepare<[], number>("SELECT count(*) FROM assessment_queue").pluck();
  return {
    enqueue: (subject) => void enqueue.run(subject),
    enqueueAssessed: () => void all.run(),
    next: (limit) => next.all(limit),
    done: (subject) => void done.run(subject),
    waiting: () => waiting.get() ?? 0,
  };
}

type Places = Pick<AttestedStore, "present" | "archive" | "noteProofArchive" | "resting" | "packagesIn" | "putVerdict">;

function openPlaces(db: Db): Places {
  const isFile = db.prepare<[string], number>("SELECT 1 FROM files WHERE digest = ? LIMIT 1").pluck();
  const isListed = db.prepare<[string], number>("SELECT 1 FROM proof_archives WHERE archive = ? LIMIT 1").pluck();
  const archives = {
    sha256: db.prepare<[string], Sha256>("SELECT key FROM archive_subjects WHERE sha256 = ?").pluck(),
    sha512: db.prepare<[string], Sha256>("SELECT key FROM archive_subjects WHERE sha512 = ?").pluck(),
  };
  const archive = db.prepare<[string], { sha256: Sha256; sha512: string | null; purl: Purl | null }>(
    "SELECT sha256, sha512, purl FROM archive_subjects WHERE key = ?",
  );
  const note = db.prepare("INSERT OR IGNORE INTO proof_archives (archive, device, root, purl) VALUES (?, ?, ?, ?)");
  const resting = db.prepare<
    [{ subject: string; after: number; limit: number }],
    { n: number; device: DeviceId; facts: string }
  >(
    `SELECT files.n, files.device, file_facts.facts FROM (
       SELECT n FROM files WHERE digest = @subject AND n > @after
       UNION SELECT file FROM file_archives WHERE key = @subject AND file > @after
       ORDER BY 1 LIMIT @limit
     ) AS found CROSS JOIN files ON files.n = found.n CROSS JOIN file_facts ON file_facts.n = found.n ORDER BY files.n`,
  );
  const packagesIn = db.prepare<[string], { device: DeviceId; root: string; purl: string }>(
    "SELECT device, root, purl FROM proof_archives WHERE archive = ?",
  );
  const put = db.prepare(
    `UPDATE files SET standing = @standing, rank = @rank, basis = @basis, says = @says, trust_version = @trust, judged_at = @now,
     changed_at = CASE WHEN standing = @standing THEN changed_at ELSE @now END
     WHERE n = @n AND (standing <> @standing OR basis <> @basis OR says <> @says OR trust_version <> @trust)`,
  );
  return {
    present({ algorithm, hex }) {
      const itself =
        algorithm === "sha256" && (isFile.get(hex) !== undefined || isListed.get(hex) !== undefined)
          ? [hex as Sha256]
          : [];
      return [...itself, ...archives[algorithm].all(hex)];
    },
    archive(subject) {
      const row = archive.get(subject);
      if (row === undefined) return undefined;
      const { sha256, sha512, purl } = row;
      return { key: subject, sha256, ...(sha512 === null ? {} : { sha512 }), ...(purl === null ? {} : { purl }) };
    },
    noteProofArchive: (of, device, root, purl) => void note.run(of, device, root, purl),
    resting: (subject, after, limit) =>
      resting
        .all({ subject, after, limit })
        .map(({ n, device, facts }) => ({ n, device, facts: JSON.parse(facts) as FileFacts })),
    packagesIn: (of) => packagesIn.all(of),
    putVerdict: (n, { standing, basis, says }, trust, now) =>
      put.run({ n, standing, rank: rankOf[standing], basis, says, trust, now }).changes > 0,
  };
}

function openVersions(db: Db): Pick<AttestedStore, "touch" | "held" | "unheld"> {
  const touch = db.prepare(
    `INSERT INTO attested_versions (device, subject, version, held) VALUES (?, ?, 1, 0)
     ON CONFLICT DO UPDATE SET version = version + 1`,
  );
  const held = db.prepare(
    "UPDATE attested_versions SET held = max(held, ?) WHERE device = ? AND subject = ? AND version >= ?",
  );
  const unheld = db.prepare<[string, number], { subject: Sha256; version: number }>(
    "SELECT subject, version FROM attested_versions WHERE device = ? AND held < version ORDER BY subject LIMIT ?",
  );
  return {
    touch: (device, subject) => void touch.run(device, subject),
    held: (device, subject, version) => void held.run(version, device, subject, version),
    unheld: (device, limit) => unheld.all(device, limit),
  };
}

interface ChangeRow {
  readonly n: number;
  readonly subject: Sha256;
  readonly trust_version: string;
  readonly at: number;
  readonly from_standing: Standing | null;
  readonly from_basis: Basis | null;
  readonly to_standing: Standing | null;
  readonly to_basis: Basis | null;
  readonly says: string;
}

function openChanges(db: Db): Pick<AttestedStore, "recordChange" | "changes"> {
  const insert = db.prepare(
    `INSERT INTO assessment_changes (subject, trust_version, at, from_standing, from_basis, to_standing, to_basis, says)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const select = db.prepare<[string, number, number], ChangeRow>(
    "SELECT * FROM assessment_changes WHERE trust_version = ? AND n < ? ORDER BY n DESC LIMIT ?",
  );
  return {
    recordChange: ({ subject, trustVersion, at, from, to, says }) =>
      void insert.run(
        subject,
        trustVersion,
        at,
        from?.standing ?? null,
        from?.basis ?? null,
        to?.standing ?? null,
        to?.basis ?? null,
        says,
      ),
    changes: (trustVersion, before, limit) => select.all(trustVersion, before, limit).map(changeOf),
  };
}

const changeOf = (row: ChangeRow): AssessmentChange => ({
  number: row.n,
  subject: row.subject,
  trustVersion: row.trust_version,
  at: row.at as Instant,
  ...pair("from", row.from_standing, row.from_basis),
  ...pair("to", row.to_standing, row.to_basis),
  says: row.says,
});

const pair = <Name extends "from" | "to">(
  name: Name,
  standing: Standing | null,
  basis: Basis | null,
): { [K in Name]?: { standing: Standing; basis: Basis } } =>
  standing === null || basis === null
    ? {}
    : ({ [name]: { standing, basis } } as { [K in Name]: { standing: Standing; basis: Basis } });
