import { outcomeOf } from "@provost/shared/model/gate.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { GateStore, Leaving } from "../../gate/gate-store.ts";
import { openAsk } from "./ask.ts";
import { fileId } from "./files.ts";
import { readGate } from "./read-gate.ts";
import { openAnswers, waits } from "./request-answers.ts";
import type { Database as Db } from "better-sqlite3";

export const gateMigrations: readonly string[] = [
  // `at` is never later than the server's own clock, so that a device whose clock runs ahead stays no list's first for ever;
  // `told_at` is what the device said, by which a thing told again is known.
  `CREATE TABLE decisions (
     n INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, at INTEGER NOT NULL, told_at INTEGER NOT NULL, code TEXT NOT NULL,
     path TEXT NOT NULL, root TEXT NOT NULL, file TEXT NOT NULL, sha256 TEXT, access TEXT NOT NULL, pid INTEGER NOT NULL,
     started_at INTEGER NOT NULL, uid INTEGER NOT NULL, login_uid INTEGER, executable TEXT NOT NULL, command TEXT,
     outcome TEXT NOT NULL, allowed INTEGER NOT NULL, action TEXT NOT NULL, would TEXT, cause TEXT NOT NULL, rule TEXT, why TEXT NOT NULL,
     policy INTEGER NOT NULL, mode TEXT NOT NULL, tier TEXT NOT NULL, standing TEXT NOT NULL, basis TEXT NOT NULL, count INTEGER NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX decisions_once ON decisions (device, told_at, code, access, pid, started_at, file, allowed);
   CREATE INDEX decisions_by_device ON decisions (device, at);
   CREATE INDEX decisions_by_at ON decisions (at);
   CREATE INDEX decisions_by_digest ON decisions (sha256, at);
   CREATE INDEX decisions_kept ON decisions (device, allowed);
   CREATE TABLE findings (
     n INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, kind TEXT NOT NULL, from_server INTEGER NOT NULL, at INTEGER NOT NULL,
     told_at INTEGER NOT NULL, ended_at INTEGER, says TEXT NOT NULL, facts TEXT NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX findings_once ON findings (device, told_at, kind, says, from_server);
   CREATE INDEX findings_by_device ON findings (device, at);
   CREATE INDEX findings_by_at ON findings (at);
   CREATE INDEX findings_open ON findings (device) WHERE from_server = 1 AND ended_at IS NULL;
   CREATE TABLE requests (
     n INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, at INTEGER NOT NULL, told_at INTEGER NOT NULL, code TEXT NOT NULL,
     sha256 TEXT NOT NULL, path TEXT NOT NULL, root TEXT NOT NULL, file TEXT NOT NULL, uid INTEGER NOT NULL, user TEXT NOT NULL,
     reason TEXT NOT NULL, allowed_at INTEGER
   ) STRICT;
   CREATE UNIQUE INDEX requests_once ON requests (device, told_at, sha256, uid);
   CREATE INDEX requests_by_at ON requests (at);
   CREATE INDEX requests_waiting ON requests (device, sha256) WHERE allowed_at IS NULL;
   CREATE TABLE gate_dropped (
     device TEXT NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (device, what)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE presence (
     device TEXT PRIMARY KEY, here INTEGER NOT NULL, since INTEGER NOT NULL, leaving TEXT, why TEXT NOT NULL
   ) WITHOUT ROWID, STRICT;`,
  // What is tried again and again is one line with a count and its last time.
  `ALTER TABLE decisions ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE decisions ADD COLUMN last_told INTEGER NOT NULL DEFAULT 0;
   UPDATE decisions SET last_at = at, last_told = told_at;
   DROP INDEX decisions_once;
   CREATE INDEX decisions_by_outcome ON decisions (outcome, at, count);
   CREATE INDEX decisions_equal ON decisions (device, file, code, told_at);
   ALTER TABLE requests ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
   CREATE INDEX requests_equal ON requests (device, sha256, uid, told_at);`,
];

export function openGate(db: Db): GateStore {
  return { ...openTold(db), ...openBounds(db), ...openPresence(db), ...openAnswers(db), ...readGate(openAsk(db)) };
}

/** Equal decisions within so long of the first are one line: it keeps its place in the list, and a storm takes no room. */
const foldMs = 3_600_000;

function openTold(db: Db): Pick<GateStore, "putDecisions" | "putAlarms" | "putRequest"> {
  const decision = db.prepare(
    `INSERT INTO decisions (device, at, told_at, code, path, root, file, sha256, access, pid, started_at, uid, login_uid, executable, command,
       outcome, allowed, action, would, cause, rule, why, policy, mode, tier, standing, basis, count, last_at, last_told)
     VALUES (@device, @at, @toldAt, @code, @path, @root, @file, @sha256, @access, @pid, @startedAt, @uid, @loginUid, @executable, @command,
       @outcome, @allowed, @action, @would, @cause, @rule, @why, @policy, @mode, @tier, @standing, @basis, @count, @at, @toldAt)`,
  );
  const equal = db.prepare<unknown[], { n: number; told_at: number; last_told: number }>(
    `SELECT n, told_at, last_told FROM decisions WHERE device = @device AND file = @file AND code = @code AND told_at <= @toldAt
       AND access = @access AND uid = @uid AND executable = @executable AND outcome = @outcome AND action = @action AND cause = @cause
       AND policy = @policy AND mode = @mode ORDER BY told_at DESC LIMIT 1`,
  );
  const fold = db.prepare(
    "UPDATE decisions SET count = count + @count, last_at = max(last_at, @at), last_told = @toldAt WHERE n = @n",
  );
  const answered = db.prepare(
    "UPDATE requests SET allowed_at = @at WHERE device = @device AND sha256 = @sha256 AND allowed_at IS NULL AND told_at <= @toldAt",
  );
  const finding = db.prepare(
    `INSERT INTO findings (device, kind, from_server, at, told_at, says, facts) VALUES (?, ?, 0, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const asked = db.prepare<[string, string, number], { n: number; told_at: number; waits: number }>(
    `SELECT n, told_at, ${waits} AS waits FROM requests WHERE device = ? AND sha256 = ? AND uid = ? ORDER BY told_at DESC LIMIT 1`,
  );
  const askAgain = db.prepare(
    `UPDATE requests SET at = ?, told_at = ?, code = ?, path = ?, root = ?, file = ?, user = ?, times = times + 1,
       reason = CASE ? WHEN '' THEN reason ELSE ? END WHERE n = ?`,
  );
  const request = db.prepare(
    `INSERT INTO requests (device, at, told_at, code, sha256, path, root, file, uid, user, reason)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  return {
    putDecisions(device, items, now) {
      let added = 0;
      for (const item of items) {
        const at = Math.min(item.at, now);
        const { process, sha256 } = item;
        const row = {
          device,
          at,
          toldAt: item.at,
          code: item.code,
          path: item.path,
          root: item.root,
          file: fileId(device, item.root, item.path),
          sha256: sha256 ?? null,
          access: item.access,
          pid: process.pid,
          startedAt: process.startedAt,
          uid: process.uid,
          loginUid: process.loginUid ?? null,
          executable: process.executable,
          command: process.command ?? null,
          outcome: outcomeOf(item),
          allowed: item.allowed ? 1 : 0,
          action: item.action,
          would: item.would ?? null,
          cause: item.cause,
          rule: item.rule ?? null,
          why: item.why,
          policy: item.policy,
          mode: item.mode,
          tier: item.tier,
          standing: item.standing,
          basis: item.basis,
          count: item.count,
        };
        const before = equal.get(row);
        // The device tells in order: what is not after the last one is told again.
        if (before !== undefined && row.toldAt <= before.last_told) continue;
        added +=
          before !== undefined && row.toldAt - before.told_at < foldMs
            ? fold.run({ ...row, n: before.n }).changes
            : decision.run(row).changes;
        if (item.allowed && item.cause === "exception" && sha256 !== undefined)
          answered.run({ device, sha256, at, toldAt: item.at });
      }
      return added;
    },
    putAlarms: (device, items, now) =>
      items.reduce(
        (added, { kind, at, says, facts }) =>
          added + finding.run(device, kind, Math.min(at, now), at, says, JSON.stringify(facts)).changes,
        0,
      ),
    putRequest(device, { at, code, sha256, path, root, uid, user, reason }, now) {
      const seen = Math.min(at, now);
      const file = fileId(device, root, path);
      const before = asked.get(device, sha256, uid);
      if (before !== undefined && at <= before.told_at) return 0;
      return before?.waits === 1
        ? askAgain.run(seen, at, code, path, root, file, user, reason, reason, before.n).changes
        : request.run(device, seen, at, code, sha256, path, root, file, uid, user, reason).changes;
    },
  };
}

/** An open finding of the server's own is kept whatever comes after it: it is about now. */
const droppable = { decisions: "1", findings: "NOT (from_server = 1 AND ended_at IS NULL)", requests: "1" } as const;
type Kept = keyof typeof droppable;
const kinds = Object.keys(droppable) as Kept[];

function openBounds(db: Db): Pick<GateStore, "trim" | "dropOlder"> {
  const noted = db.prepare(
    "INSERT INTO gate_dropped (device, what, count) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
  );
  const drop = (device: string, what: Kept, condition: string, ...values: readonly (string | number)[]): void => {
    const { changes } = db
      .prepare(`DELETE FROM ${what} WHERE device = ? AND ${droppable[what]} AND ${condition}`)
      .run(device, ...values);
    if (changes > 0) noted.run(device, what, changes);
  };
  const beyond = (what: Kept, among: string): string =>
    `n <= (SELECT n FROM ${what} WHERE device = ? AND ${among} ORDER BY n DESC LIMIT 1 OFFSET ?)`;
  return {
    trim: (device, bounds) =>
      db.transaction(() => {
        for (const allowed of [0, 1])
          drop(
            device,
            "decisions",
            `allowed = ${allowed} AND ${beyond("decisions", `allowed = ${allowed}`)}`,
            device,
            bounds.decisions,
          );
        drop(device, "findings", beyond("findings", "1"), device, bounds.findings);
        drop(device, "requests", beyond("requests", "1"), device, bounds.requests);
      })(),
    dropOlder: (than) =>
      db.transaction(() => {
        for (const what of kinds)
          for (const { device } of db
            .prepare<[number], { device: string }>(`SELECT DISTINCT device FROM ${what} WHERE at < ?`)
            .all(than))
            drop(device, what, "at < ?", than);
      })(),
  };
}

interface StoredPresence {
  readonly device: DeviceId;
  readonly here: number;
  readonly since: number;
  readonly leaving: Leaving | null;
  readonly why: string;
}

function openPresence(db: Db): Pick<GateStore, "arrived" | "left" | "unreported" | "report"> {
  const put = db.prepare(
    `INSERT INTO presence (device, here, since, leaving, why) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET here = excluded.here, since = excluded.since, leaving = excluded.leaving, why = excluded.why`,
  );
  const end = db.prepare(
    "UPDATE findings SET ended_at = max(at, ?) WHERE device = ? AND from_server = 1 AND ended_at IS NULL",
  );
  const unreported = db.prepare<[], StoredPresence & { last_seen: number }>(
    `SELECT presence.*, devices.last_seen FROM presence JOIN devices ON devices.id = presence.device
     WHERE (here = 1 OR leaving <> 'asked') AND device NOT IN (SELECT device FROM findings WHERE from_server = 1 AND ended_at IS NULL)`,
  );
  const report = db.prepare(
    `INSERT INTO findings (device, kind, from_server, at, told_at, says, facts) VALUES (@device, @kind, 1, @at, @at, @says, @facts)
     ON CONFLICT DO NOTHING`,
  );
  return {
    arrived: (device, now) =>
      db.transaction(() => {
        put.run(device, 1, now, null, "");
        return end.run(now, device).changes;
      })(),
    left: ({ device, since, leaving, why }) => void put.run(device, 0, since, leaving ?? null, why),
    unreported: () =>
      unreported.all().map(({ device, here, since, leaving, why, last_seen }) => ({
        device,
        since: here === 1 ? Math.max(since, last_seen) : since,
        ...(leaving === null ? {} : { leaving }),
        why,
      })),
    report: ({ facts, ...finding }) => void report.run({ ...finding, facts: JSON.stringify(facts) }),
  };
}
