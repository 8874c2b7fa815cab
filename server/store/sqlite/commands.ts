import type { Database as Db } from "better-sqlite3";
import { orderSays } from "@provost/shared/actions/index.ts";
import type { ActionName, ActionOrder, Command, CommandState, StepReport } from "@provost/shared/model/command.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { mayFollow } from "../../response/command-store.ts";
import type { CommandStore, SignedCommand, StoredCommand } from "../../response/command-store.ts";
import { openAsk } from "./ask.ts";
import { afterCursor, cursorOf, oneOf, orderBy, pageOf, where } from "./page.ts";
import type { Condition } from "./page.ts";

export const commandMigrations: readonly string[] = [
  `CREATE TABLE commands (
     n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, device TEXT NOT NULL, issued_at INTEGER NOT NULL, expires INTEGER NOT NULL,
     incident TEXT, body TEXT NOT NULL, signature TEXT NOT NULL, state TEXT NOT NULL, why TEXT, steps TEXT NOT NULL, changed_at INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX commands_waiting ON commands (device, n) WHERE state = 'issued';
   CREATE INDEX commands_by_device ON commands (device, issued_at);
   CREATE INDEX commands_by_time ON commands (issued_at);
   CREATE INDEX commands_by_incident ON commands (incident, issued_at) WHERE incident IS NOT NULL;`,
];

interface Row {
  readonly n: number;
  readonly id: string;
  readonly device: string;
  readonly name: string | null;
  readonly body: string;
  readonly signature: string;
  readonly state: CommandState;
  readonly why: string | null;
  readonly steps: string;
  readonly changed_at: number;
  readonly issued_at: number;
  readonly bundle_sha256?: string | null;
  readonly bundle_bytes?: number | null;
}

export function openCommands(db: Db): CommandStore {
  const ask = openAsk(db);
  const add = db.prepare(
    `INSERT INTO commands (id, device, issued_at, expires, incident, body, signature, state, why, steps, changed_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'issued', NULL, '[]', ?)`,
  );
  const one = db.prepare<[string], Row>("SELECT commands.*, NULL AS name FROM commands WHERE id = ?");
  const move = db.prepare("UPDATE commands SET state = ?, why = ?, steps = ?, changed_at = ? WHERE id = ?");
  const stored = (row: Row): StoredCommand => ({
    command: JSON.parse(row.body) as Command,
    signed: { body: row.body, signature: row.signature },
    state: row.state,
    why: row.why ?? undefined,
    steps: JSON.parse(row.steps) as StepReport[],
    changedAt: row.changed_at,
  });
  const undoneBy = ({ body }: Row): ActionOrder | undefined => {
    const { order } = JSON.parse(body) as Command;
    const target = order.action === "undo" ? one.get(order.command) : undefined;
    return target === undefined ? undefined : (JSON.parse(target.body) as Command).order;
  };
  return {
    add({ id, device, issuedAt, expires, incident }, { body, signature }) {
      add.run(id, device, issuedAt, expires, incident ?? null, body, signature, issuedAt);
    },
    one(id) {
      const row = one.get(id);
      return row === undefined ? undefined : stored(row);
    },
    waiting: (device, now) =>
      db
        .prepare<[string, number], SignedCommand>(
          "SELECT body, signature FROM commands WHERE device = ? AND state = 'issued' AND expires > ? ORDER BY n LIMIT 100",
        )
        .all(device, now),
    countWaiting: (device) =>
      ask.number("SELECT count(*) AS n FROM commands WHERE device = ? AND state = 'issued'", device),
    cancel: (id, why, now) =>
      db
        .prepare("UPDATE commands SET state = 'cancelled', why = ?, changed_at = ? WHERE id = ? AND state = 'issued'")
        .run(why, now, id).changes > 0,
    expire: (now) =>
      db
        .prepare(
          "UPDATE commands SET state = 'expired', why = 'no device took it in time', changed_at = ? WHERE state = 'issued' AND expires <= ?",
        )
        .run(now, now).changes,
    report(device, { command, state, why, steps }, now) {
      const row = one.get(command);
      if (row === undefined || row.device !== device || !mayFollow(row.state, state)) return false;
      move.run(state, why ?? null, steps.length === 0 ? row.steps : JSON.stringify(steps), now, command);
      return true;
    },
    verified: (incident, device) =>
      ask
        .all<{ action: ActionName }>(
          "SELECT DISTINCT json_extract(body, '$.order.action') AS action FROM commands WHERE incident = ? AND device = ? AND state = 'verified'",
          incident,
          device,
        )
        .map(({ action }) => action),
    holding: (sha256) =>
      ask.all<{ id: string; device: DeviceId; state: CommandState }>(
        `SELECT id, device, state FROM commands WHERE json_extract(body, '$.order.sha256') = ?
           AND json_extract(body, '$.order.action') IN ('block-digest', 'quarantine-file')
           AND state IN ('issued', 'accepted', 'executed', 'verified')
           AND NOT EXISTS (
             SELECT 1 FROM commands AS undo WHERE undo.device = commands.device AND undo.issued_at >= commands.issued_at
               AND json_extract(undo.body, '$.order.command') = commands.id AND undo.state IN ('issued', 'accepted', 'executed', 'verified')
           ) ORDER BY n DESC`,
        sha256,
      ),
    commands(query) {
      const order = { column: "commands.issued_at", descending: query.sort.startsWith("-") };
      const filter: Condition[] = [
        ...oneOf("commands.device", query.device === undefined ? undefined : [query.device]),
        ...oneOf("commands.incident", query.incident === undefined ? undefined : [query.incident]),
        ...oneOf(
          "json_extract(commands.body, '$.order.sha256')",
          query.digest === undefined ? undefined : [query.digest],
        ),
        ...oneOf("commands.state", query.state),
      ];
      const all = where(filter);
      const rest = where([...filter, ...afterCursor(order, "commands.n", query.cursor)]);
      const rows = ask.all<Row>(
        `SELECT commands.*, devices.name, triage.sha256 AS bundle_sha256, triage.bytes AS bundle_bytes
         FROM commands LEFT JOIN devices ON devices.id = commands.device
         LEFT JOIN triage ON triage.command = commands.id AND triage.state = 'kept'
         WHERE ${rest.sql} ORDER BY ${orderBy(order, "commands.n")} LIMIT ?`,
        ...rest.values,
        query.limit + 1,
      );
      const total = ask.number(`SELECT count(*) AS n FROM commands WHERE ${all.sql}`, ...all.values);
      return pageOf(
        rows,
        query.limit,
        total,
        (row) => shown(row, undoneBy(row)),
        (row) => cursorOf(row.issued_at, row.n),
      );
    },
  };
}

const undoable: ReadonlySet<string> = new Set(["quarantine-file", "block-digest", "allow-digest", "isolate-host"]);

function shown(row: Row, undone: ActionOrder | undefined): Answer<"commands">["rows"][number] {
  const command = JSON.parse(row.body) as Command;
  const { order } = command;
  return {
    id: row.id,
    device: row.device,
    deviceName: row.name ?? row.device,
    action: order.action,
    says: orderSays(order, undone),
    order: order as Answer<"commands">["rows"][number]["order"],
    state: row.state,
    ...(row.why === null ? {} : { why: row.why }),
    reason: command.reason,
    by: command.by,
    ...(command.incident === undefined ? {} : { incident: command.incident }),
    issuedAt: row.issued_at,
    changedAt: row.changed_at,
    expires: command.expires,
    steps: JSON.parse(row.steps) as StepReport[],
    ...(typeof row.bundle_sha256 !== "string" || typeof row.bundle_bytes !== "number"
      ? {}
      : { bundle: { sha256: row.bundle_sha256, bytes: row.bundle_bytes } }),
    canCancel: row.state === "issued",
    canUndo: (row.state === "executed" || row.state === "verified") && undoable.has(order.action),
  };
}
