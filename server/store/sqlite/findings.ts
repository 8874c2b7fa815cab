import type { Database as Db } from "better-sqlite3";
import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { BaselineStore } from "../../detection/baseline.ts";
import type { FindingStore } from "../../detection/finding-store.ts";
import { detectionRow } from "../../detection/detection-row.ts";
import { openAsk } from "./ask.ts";
import { afterCursor, contains, cursorOf, oneOf, orderBy, pageOf, where } from "./page.ts";
import type { Condition } from "./page.ts";

export const detectionMigrations: readonly string[] = [
  `CREATE TABLE detections (
     n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, device TEXT NOT NULL, at INTEGER NOT NULL, level TEXT NOT NULL,
     source TEXT NOT NULL, rule TEXT NOT NULL, sentence TEXT NOT NULL, incident TEXT, body TEXT NOT NULL
   ) STRICT;
   CREATE INDEX detections_by_at ON detections (at);
   CREATE INDEX detections_by_device ON detections (device, at);
   CREATE INDEX detections_by_incident ON detections (incident, at) WHERE incident IS NOT NULL;
   CREATE TABLE habits (
     habit TEXT NOT NULL, key TEXT NOT NULL, device TEXT NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, times INTEGER NOT NULL,
     PRIMARY KEY (habit, key, device)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE last_words (key TEXT NOT NULL, device TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (key, device)) WITHOUT ROWID, STRICT;`,
];

export const habitMigrations: readonly string[] = [
  // On how many devices something is usual, kept beside it: to count them at each start of a program would cost as much as there are devices.
  `CREATE TABLE habit_totals (
     habit TEXT NOT NULL, key TEXT NOT NULL, devices INTEGER NOT NULL, first_at INTEGER NOT NULL, PRIMARY KEY (habit, key)
   ) WITHOUT ROWID, STRICT;
   INSERT INTO habit_totals SELECT habit, key, count(*), min(first_at) FROM habits GROUP BY habit, key;
   CREATE TRIGGER habits_added AFTER INSERT ON habits BEGIN
     INSERT INTO habit_totals VALUES (NEW.habit, NEW.key, 1, NEW.first_at)
     ON CONFLICT DO UPDATE SET devices = devices + 1, first_at = min(first_at, excluded.first_at);
   END;
   CREATE TRIGGER habits_forgotten AFTER DELETE ON habits BEGIN
     UPDATE habit_totals SET devices = devices - 1 WHERE habit = OLD.habit AND key = OLD.key;
     DELETE FROM habit_totals WHERE habit = OLD.habit AND key = OLD.key AND devices < 1;
   END;`,
];

interface Stored {
  readonly n: number;
  readonly at: number;
  readonly name: string | null;
  readonly incident: string | null;
  readonly body: string;
}

export function openFindings(db: Db): FindingStore {
  const ask = openAsk(db);
  const insert = db.prepare(
    `INSERT INTO detections (id, device, at, level, source, rule, sentence, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const assign = db.prepare("UPDATE detections SET incident = ? WHERE id = ?");
  return {
    put: (findings) =>
      findings.filter(
        (one) =>
          insert.run(one.id, one.device, one.at, one.level, one.source, one.rule.id, one.sentence, JSON.stringify(one))
            .changes > 0,
      ),
    setIncident(ids, incident) {
      for (const id of ids) assign.run(incident, id);
    },
    ofIncident: (incident, most) =>
      ask
        .all<{ body: string }>(
          "SELECT body FROM detections WHERE incident = ? ORDER BY at DESC, n DESC LIMIT ?",
          incident,
          most,
        )
        .map(({ body }) => JSON.parse(body) as DetectedFinding)
        .toReversed(),
    detections(query) {
      const order = { column: "detections.at", descending: query.sort.startsWith("-") };
      const filter: Condition[] = [
        ...oneOf("detections.device", query.device === undefined ? undefined : [query.device]),
        ...oneOf("detections.incident", query.incident === undefined ? undefined : [query.incident]),
        ...oneOf("detections.level", query.level),
        ...oneOf("detections.source", query.source),
        ...contains(["detections.sentence", "detections.rule"], query.q),
      ];
      const all = where(filter);
      const rest = where([...filter, ...afterCursor(order, "detections.n", query.cursor)]);
      const rows = ask.all<Stored>(
        `SELECT detections.n, detections.at, detections.body, detections.incident, devices.name FROM detections
         LEFT JOIN devices ON devices.id = detections.device WHERE ${rest.sql} ORDER BY ${orderBy(order, "detections.n")} LIMIT ?`,
        ...rest.values,
        query.limit + 1,
      );
      const total = ask.number(`SELECT count(*) AS n FROM detections WHERE ${all.sql}`, ...all.values);
      return pageOf(
        rows,
        query.limit,
        total,
        ({ body, name, incident }) => detectionRow(JSON.parse(body) as DetectedFinding, name, incident),
        ({ at, n }) => cursorOf(at, n),
      );
    },
    // What an incident that somebody still has to close rests on stays, however old it is.
    dropOlder: (than) =>
      void db
        .prepare(
          `DELETE FROM detections WHERE at < ? AND NOT EXISTS
           (SELECT 1 FROM incidents WHERE incidents.id = detections.incident AND incidents.state <> 'closed')`,
        )
        .run(than),
  };
}

export function openBaseline(db: Db): BaselineStore {
  const known = db.prepare<[string, string], { devices: number; first_at: number }>(
    "SELECT devices, first_at FROM habit_totals WHERE habit = ? AND key = ?",
  );
  const own = db.prepare("SELECT 1 FROM habits WHERE habit = ? AND key = ? AND device = ?");
  const meet = db.prepare(
    `INSERT INTO habits VALUES (?, ?, ?, ?, ?, 1)
     ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at), times = times + 1`,
  );
  const last = db
    .prepare<[string, string], string>("SELECT value FROM last_words WHERE key = ? AND device = ?")
    .pluck();
  const replace = db.prepare(
    "INSERT INTO last_words VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, at = excluded.at",
  );
  const refresh = db.prepare("UPDATE last_words SET at = ? WHERE key = ? AND device = ? AND at < ?");
  return {
    meet(habit, key, device, at) {
      const cut = key.slice(0, 1000);
      const row = known.get(habit, cut);
      const onDevice = own.get(habit, cut, device) !== undefined;
      meet.run(habit, cut, device, at, at);
      return { onDevice, devices: row?.devices ?? 0, firstAt: row?.first_at };
    },
    last: (key, device) => last.get(key.slice(0, 1000), device),
    replace(key, device, value, at) {
      const cut = key.slice(0, 1000);
      const before = last.get(cut, device);
      // The same word again keeps it from being forgotten; once a day is enough for that.
      if (before === value) refresh.run(at, cut, device, at - 86_400_000);
      else replace.run(cut, device, value, at);
      return before;
    },
    dropOlder(than) {
      db.prepare("DELETE FROM habits WHERE last_at < ?").run(than);
      db.prepare("DELETE FROM last_words WHERE at < ?").run(than);
    },
  };
}
