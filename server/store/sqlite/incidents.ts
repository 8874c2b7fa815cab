import type { Database as Db } from "better-sqlite3";
import type { Level } from "@provost/shared/model/detection.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import type { IncidentStore, StoredIncident } from "../../incidents/incident-store.ts";
import { openAsk } from "./ask.ts";
import { afterCursor, contains, cursorOf, oneOf, orderBy, pageOf, where } from "./page.ts";
import type { Condition } from "./page.ts";

export const incidentMigrations: readonly string[] = [
  `CREATE TABLE incidents (
     n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, device TEXT NOT NULL, state TEXT NOT NULL, severity TEXT NOT NULL,
     score REAL NOT NULL, sentence TEXT NOT NULL, opened_at INTEGER NOT NULL, last_at INTEGER NOT NULL, body TEXT NOT NULL
   ) STRICT;
   CREATE INDEX incidents_by_last ON incidents (last_at);
   CREATE INDEX incidents_by_score ON incidents (score);
   CREATE INDEX incidents_by_device ON incidents (device, opened_at);
   CREATE TABLE incident_keys (
     device TEXT NOT NULL, key TEXT NOT NULL, incident TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (device, key)
   ) WITHOUT ROWID, STRICT;`,
];

/** Bytes of the base system lie everywhere: a page of the queue does not count every place of every row. */
const mostPlaces = 2000;

interface Stored {
  readonly n: number;
  readonly body: string;
  readonly name: string | null;
  readonly last_at: number;
  readonly score: number;
}

export function openIncidentStore(db: Db): IncidentStore {
  const ask = openAsk(db);
  const byKey = db.prepare<[string, string, number], { incident: string; at: number }>(
    "SELECT incident, at FROM incident_keys WHERE device = ? AND key = ? AND at >= ?",
  );
  const addKey = db.prepare(
    "INSERT INTO incident_keys VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at), incident = CASE WHEN excluded.at - at > 86400000 THEN excluded.incident ELSE incident END",
  );
  const one = db.prepare<[string], string>("SELECT body FROM incidents WHERE id = ?").pluck();
  const put = db.prepare(
    `INSERT INTO incidents (id, device, state, severity, score, sentence, opened_at, last_at, body)
     VALUES (@id, @device, @state, @severity, @score, @sentence, @openedAt, @lastAt, @body)
     ON CONFLICT (id) DO UPDATE SET state = excluded.state, severity = excluded.severity, score = excluded.score,
       sentence = excluded.sentence, last_at = excluded.last_at, body = excluded.body`,
  );
  const elsewhere = db
    .prepare<[string, string], number>(
      `SELECT count(DISTINCT device) FROM (
         SELECT device FROM files WHERE digest IN (SELECT value FROM json_each(?)) AND device <> ? LIMIT ${mostPlaces})`,
    )
    .pluck();
  const elsewhereOf = ({ digests, device }: StoredIncident): number =>
    elsewhere.get(JSON.stringify(digests), device) ?? 0;
  // An incident of before digests were kept has none until something new is found.
  const parsed = (body: string): StoredIncident => {
    const kept = JSON.parse(body) as Omit<StoredIncident, "digests"> & Partial<StoredIncident>;
    return { ...kept, digests: kept.digests ?? [] };
  };
  return {
    byKeys(device, keys, since) {
      const found = keys.flatMap((key) => byKey.get(device, key, since) ?? []);
      return found.toSorted((a, b) => a.at - b.at)[0]?.incident;
    },
    addKeys(device, keys, incident, at) {
      for (const key of keys) addKey.run(device, key, incident, at);
    },
    one(id) {
      const body = one.get(id);
      return body === undefined ? undefined : parsed(body);
    },
    put(incident) {
      const { id, device, state, severity, score, sentence, openedAt, lastAt } = incident;
      put.run({ id, device, state, severity, score, sentence, openedAt, lastAt, body: JSON.stringify(incident) });
    },
    elsewhere: elsewhereOf,
    openedSince: (device, since) =>
      ask.number("SELECT count(*) AS n FROM incidents WHERE device = ? AND opened_at >= ?", device, since),
    level: (id) => ask.one<{ severity: Level }>("SELECT severity FROM incidents WHERE id = ?", id)?.severity,
    openByLevel() {
      const rows = ask.all<{ severity: Level; n: number }>(
        "SELECT severity, count(*) AS n FROM incidents WHERE state = 'open' GROUP BY severity",
      );
      const none: Readonly<Record<Level, number>> = { informational: 0, low: 0, medium: 0, high: 0, critical: 0 };
      return { ...none, ...Object.fromEntries(rows.map(({ severity, n }) => [severity, n])) };
    },
    incidents(query) {
      const columns: Readonly<Record<string, string>> = { lastAt: "incidents.last_at", score: "incidents.score" };
      const order = {
        column: columns[query.sort.replace("-", "")] ?? "incidents.last_at",
        descending: query.sort.startsWith("-"),
      };
      const filter: Condition[] = [
        ...oneOf("incidents.device", query.device === undefined ? undefined : [query.device]),
        ...oneOf("incidents.state", query.state),
        ...oneOf("incidents.severity", query.severity),
        ...contains(["incidents.sentence", "devices.name"], query.q),
      ];
      const all = where(filter);
      const rest = where([...filter, ...afterCursor(order, "incidents.n", query.cursor)]);
      const from = "FROM incidents LEFT JOIN devices ON devices.id = incidents.device";
      const rows = ask.all<Stored>(
        `SELECT incidents.n, incidents.body, incidents.last_at, incidents.score, devices.name ${from}
         WHERE ${rest.sql} ORDER BY ${orderBy(order, "incidents.n")} LIMIT ?`,
        ...rest.values,
        query.limit + 1,
      );
      const total = ask.number(`SELECT count(*) AS n ${from} WHERE ${all.sql}`, ...all.values);
      return pageOf(
        rows,
        query.limit,
        total,
        ({ body, name }) => {
          const incident = parsed(body);
          return incidentRow(incident, name, elsewhereOf(incident), contained(incident.id));
        },
        (row) => cursorOf(order.column.endsWith("score") ? row.score : row.last_at, row.n),
      );
    },
    blind(device, from, to) {
      const losses = ask.all<{ at: number; says: string; count: number }>(
        "SELECT at, why AS says, count FROM losses WHERE device = ? AND at >= ? AND at <= ? ORDER BY at LIMIT 100",
        device,
        from,
        to,
      );
      const alarms = ask.all<{ at: number; says: string; count: number }>(
        `SELECT at, says, 1 AS count FROM findings WHERE device = ? AND at >= ? AND at <= ? AND kind IN ('lost', 'missing', 'degraded', 'silent', 'stopped') ORDER BY at LIMIT 100`,
        device,
        from,
        to,
      );
      return [...losses, ...alarms].toSorted((a, b) => a.at - b.at);
    },
  };

  function contained(id: string): readonly string[] {
    return ask
      .all<{ action: string }>(
        `SELECT DISTINCT json_extract(body, '$.order.action') AS action FROM commands
         WHERE incident = ? AND state IN ('executed', 'verified') AND json_extract(body, '$.order.action') <> 'undo'`,
        id,
      )
      .map(({ action }) => action);
  }
}

export function incidentRow(
  incident: StoredIncident,
  name: string | null,
  elsewhere: number,
  contained: readonly string[],
): Answer<"incidents">["rows"][number] {
  const { id, device, state, severity, score, sentence, techniques, findings, openedAt, lastAt } = incident;
  return {
    id,
    device,
    deviceName: name ?? device,
    state,
    severity,
    score,
    sentence,
    techniques: [...techniques],
    findings,
    openedAt,
    lastAt,
    elsewhere,
    contained: [...contained],
  };
}
