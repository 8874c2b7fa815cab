import type { Instant } from "@provost/shared/model/ids.ts";
import { forgetPullMs, maxPulls, type PullCounts, type PullStore } from "../../trust/library/pull-store.ts";
import type { Database } from "better-sqlite3";

export const pullMigrations: readonly string[] = [
  `CREATE TABLE pulls (
     upstream TEXT NOT NULL, wanted TEXT NOT NULL, state TEXT NOT NULL, says TEXT NOT NULL, attempts INTEGER NOT NULL, due_at INTEGER NOT NULL,
     wanted_at INTEGER NOT NULL,
     PRIMARY KEY (upstream, wanted)
   ) WITHOUT ROWID, STRICT;
   CREATE INDEX pulls_by_due ON pulls (upstream, due_at);
   CREATE TABLE pull_etags (url TEXT PRIMARY KEY, etag TEXT NOT NULL) WITHOUT ROWID, STRICT;`,
];

export function openPulls(db: Database): PullStore {
  const want = db.prepare(
    `INSERT INTO pulls (upstream, wanted, state, says, attempts, due_at, wanted_at) VALUES (@upstream, @wanted, 'pending', '', 0, @now, @now)
     ON CONFLICT DO UPDATE SET wanted_at = excluded.wanted_at`,
  );
  const count = db.prepare<[string], number>("SELECT count(*) FROM pulls WHERE upstream = ?").pluck();
  const known = db.prepare<[string, string], number>("SELECT 1 FROM pulls WHERE upstream = ? AND wanted = ?").pluck();
  const forget = db.prepare("DELETE FROM pulls WHERE upstream = ? AND wanted_at < ?");
  const due = db.prepare<[string, number, number], { wanted: string; attempts: number }>(
    "SELECT wanted, attempts FROM pulls WHERE upstream = ? AND due_at <= ? ORDER BY due_at LIMIT ?",
  );
  const settle = db.prepare(
    "UPDATE pulls SET state = ?, says = ?, attempts = ?, due_at = ? WHERE upstream = ? AND wanted = ?",
  );
  const keepEtag = db.prepare(
    "INSERT INTO pull_etags (url, etag) VALUES (?, ?) ON CONFLICT DO UPDATE SET etag = excluded.etag",
  );
  const next = db.prepare<[string], number | null>("SELECT min(due_at) FROM pulls WHERE upstream = ?").pluck();
  const states = db.prepare<[string], { state: keyof PullCounts; n: number }>(
    "SELECT state, count(*) n FROM pulls WHERE upstream = ? GROUP BY state",
  );
  const says = db.prepare<[string, string], string>("SELECT says FROM pulls WHERE upstream = ? AND wanted = ?").pluck();
  const answered = db
    .prepare<[string, string, string], string>(
      "SELECT wanted FROM pulls WHERE upstream = ? AND wanted >= ? AND wanted < ? AND state IN ('found', 'nothing') LIMIT 1000",
    )
    .pluck();
  const etag = db.prepare<[string], string>("SELECT etag FROM pull_etags WHERE url = ?").pluck();
  return {
    wantPulls: (upstream, wanted, now) =>
      db
        .transaction(() => {
          forget.run(upstream, now - forgetPullMs);
          let room = maxPulls - (count.get(upstream) ?? 0);
          for (const name of wanted) {
            const isNew = known.get(upstream, name) === undefined;
            if (isNew && room <= 0) continue;
            if (isNew) room -= 1;
            want.run({ upstream, wanted: name, now });
          }
        })
        .immediate(),
    duePulls: (upstream, now, limit) => due.all(upstream, now, limit),
    settlePull: (upstream, wanted, { state, says, attempts, dueAt }, etags) =>
      db
        .transaction(() => {
          settle.run(state, says, attempts, dueAt, upstream, wanted);
          for (const [url, value] of etags) keepEtag.run(url, value);
        })
        .immediate(),
    nextPullAt(upstreams) {
      const times = upstreams.flatMap((upstream) => next.get(upstream) ?? []);
      return times.length === 0 ? undefined : (Math.min(...times) as Instant);
    },
    pullCounts: (upstream) => ({
      pending: 0,
      found: 0,
      nothing: 0,
      failed: 0,
      ...Object.fromEntries(states.all(upstream).map(({ state, n }) => [state, n])),
    }),
    pullSays: (upstream, wanted) => says.get(upstream, wanted),
    answeredVersions(ecosystem, name) {
      const prefix = `package ${ecosystem} ${name} `;
      return answered.all(ecosystem, prefix, `${prefix}\u{10ffff}`).map((wanted) => wanted.slice(prefix.length));
    },
    etagOf: (url) => etag.get(url),
  };
}
