import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Database as Db } from "better-sqlite3";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import { limits, unpackEvents } from "@provost/shared/protocol/frames.ts";
import type { EventsFrame } from "@provost/shared/protocol/frames.ts";
import { eventSays } from "../../events/describe.ts";
import { eventRow } from "../../events/event-row.ts";
import type { EventStore } from "../../events/event-store.ts";
import { openAsk } from "./ask.ts";
import type { Ask } from "./ask.ts";
import { afterCursor, contains, cursorOf, oneOf, orderBy, pageOf, where } from "./page.ts";
import type { Condition, Order } from "./page.ts";

/**
 * A frame is kept whole and packed, as it came: each process stands in it once, however many events point to it. Beside it is a short row
 * for each event, for lists and searches; its number is made of the frame's and the event's place there.
 */
export const eventMigrations: readonly string[] = [
  `CREATE TABLE event_frames (
     n INTEGER PRIMARY KEY AUTOINCREMENT, device INTEGER NOT NULL, last_at INTEGER NOT NULL, count INTEGER NOT NULL,
     bytes INTEGER NOT NULL, body BLOB NOT NULL
   ) STRICT;
   CREATE INDEX event_frames_by_device ON event_frames (device);
   CREATE INDEX event_frames_by_last_at ON event_frames (last_at, count);
   CREATE TABLE events (
     n INTEGER PRIMARY KEY, device INTEGER NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, sha256 BLOB,
     says TEXT NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX events_once ON events (device, id);
   CREATE INDEX events_by_at ON events (at);
   CREATE INDEX events_by_device ON events (device, at);
   CREATE INDEX events_by_digest ON events (sha256, at) WHERE sha256 IS NOT NULL;
   CREATE TABLE event_devices (
     n INTEGER PRIMARY KEY, device TEXT NOT NULL UNIQUE, events INTEGER NOT NULL, bytes INTEGER NOT NULL, dropped INTEGER NOT NULL
   ) STRICT;`,
];

const framesPerLook = 64;
/** An event's number is its frame's number times this, and its place in the frame. */
const places = 512;

export function openEvents(db: Db): EventStore {
  const ask = openAsk(db);
  return {
    put: putFrames(db),
    *since(from, most) {
      const first = firstOfNewest(db, from, most);
      if (first === undefined) return;
      // Some at a time: a fortnight of a fleet is more than memory, and whoever writes meanwhile waits for no reader.
      const next = db.prepare<[number], StoredFrame>(`${framesSql} WHERE f.n >= ? ORDER BY f.n LIMIT ${framesPerLook}`);
      for (let at = first; ;) {
        const frames = next.all(at);
        for (const frame of frames) for (const event of openFrame(frame)) if (event.at >= from) yield event;
        const last = frames.at(-1);
        if (last === undefined || frames.length < framesPerLook) return;
        at = last.n + 1;
      }
    },
    one(id) {
      const dot = id.indexOf(".");
      const frame = ask.one<StoredFrame>(
        `${framesSql} JOIN events AS e ON e.n / ${places} = f.n WHERE e.id = ? AND e.device = (SELECT n FROM event_devices WHERE device = ?)`,
        id.slice(dot + 1),
        id.slice(0, dot),
      );
      return frame === undefined ? undefined : openFrame(frame).find((event) => event.id === id);
    },
    events: (query) => list(ask, query),
    ...openBounds(db, ask),
  };
}

interface StoredFrame {
  readonly n: number;
  readonly device: DeviceId;
  readonly body: Buffer;
}

const framesSql = "SELECT f.n, d.device, f.body FROM event_frames AS f JOIN event_devices AS d ON d.n = f.device";

function openFrame({ device, body }: StoredFrame): readonly Observed[] {
  const text = zstdDecompressSync(body, { maxOutputLength: limits.unpackedBytes }).toString();
  return unpackEvents(JSON.parse(text) as EventsFrame, device);
}

const fast = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
/** What a search looks through, and no more of it. */
const mostSaid = 300;

function putFrames(db: Db): EventStore["put"] {
  const owner = db.prepare<[string], { n: number }>(
    `INSERT INTO event_devices (device, events, bytes, dropped) VALUES (?, 0, 0, 0)
     ON CONFLICT (device) DO UPDATE SET device = excluded.device RETURNING n`,
  );
  const putFrame = db.prepare("INSERT INTO event_frames (device, last_at, count, bytes, body) VALUES (?, ?, ?, ?, ?)");
  const putEvent = db.prepare(
    "INSERT INTO events (n, device, id, at, kind, sha256, says) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const takeBack = db.prepare("DELETE FROM event_frames WHERE n = ?");
  const count = db.prepare("UPDATE event_devices SET events = events + ?, bytes = bytes + ? WHERE n = ?");
  return (device, frame, now) => {
    const whose = owner.get(device)?.n ?? 0;
    const body = zstdCompressSync(JSON.stringify(frame), fast);
    const events = unpackEvents(frame, device);
    // A device whose clock runs ahead stays no list's first for ever.
    const lastAt = Math.min(now, Math.max(...events.map(({ at }) => at)));
    const number = Number(putFrame.run(whose, lastAt, events.length, body.length, body).lastInsertRowid);
    const added = events.filter((event, index) => {
      const id = event.id.slice(device.length + 1);
      const said = eventSays(event).slice(0, mostSaid);
      const row = [number * places + index, whose, id, Math.min(event.at, now), event.kind, digestOf(event), said];
      return putEvent.run(...row).changes > 0;
    });
    if (added.length === 0) takeBack.run(number);
    else count.run(events.length, body.length, whose);
    return added;
  };
}

/** Of what the event brings in: a script, a file, memory; else of the program that runs. */
function digestOf(event: Observed): Buffer | null {
  const brought =
    event.kind === "exec" || event.kind === "judged"
      ? event.scriptSha256
      : event.kind === "file" || event.kind === "memory"
        ? event.sha256
        : undefined;
  const digest = brought ?? event.actor.sha256;
  return digest === undefined ? null : Buffer.from(digest, "hex");
}

/** The frame with which the newest `most` events begin. */
function firstOfNewest(db: Db, from: number, most: number): number | undefined {
  const newest = db
    .prepare<[number], { n: number; count: number }>(
      "SELECT n, count FROM event_frames WHERE last_at >= ? ORDER BY n DESC",
    )
    .iterate(from);
  let first: number | undefined;
  let events = 0;
  for (const { n, count } of newest) {
    if (events + count > most) break;
    events += count;
    first = n;
  }
  return first;
}

function openBounds(db: Db, ask: Ask): Pick<EventStore, "trim" | "dropOlder"> {
  const dropFrame = db.prepare("DELETE FROM event_frames WHERE n = ?");
  const dropEvents = db.prepare("DELETE FROM events WHERE n >= ? AND n < ?");
  const countOut = db.prepare(
    "UPDATE event_devices SET events = events - ?, bytes = bytes - ?, dropped = dropped + ? WHERE n = ?",
  );
  interface Dropped {
    readonly n: number;
    readonly device: number;
    readonly count: number;
    readonly bytes: number;
  }
  const drop = ({ n, device, count, bytes }: Dropped): void => {
    dropFrame.run(n);
    dropEvents.run(n * places, (n + 1) * places);
    countOut.run(count, bytes, count, device);
  };
  return {
    trim(device, bounds) {
      const held = ask.one<{ n: number; events: number; bytes: number }>(
        "SELECT n, events, bytes FROM event_devices WHERE device = ?",
        device,
      );
      if (held === undefined) return;
      let events = held.events - bounds.events;
      let bytes = held.bytes - bounds.bytes;
      while (events > 0 || bytes > 0) {
        const oldest = ask.one<Dropped>(
          "SELECT n, device, count, bytes FROM event_frames WHERE device = ? ORDER BY n LIMIT 1",
          held.n,
        );
        if (oldest === undefined) return;
        drop(oldest);
        events -= oldest.count;
        bytes -= oldest.bytes;
      }
    },
    dropOlder(than) {
      for (;;) {
        // Some at a time: whoever writes meanwhile waits only so long.
        const old = ask.all<Dropped>(
          "SELECT n, device, count, bytes FROM event_frames WHERE last_at < ? LIMIT 200",
          than,
        );
        if (old.length === 0) return;
        db.transaction(() => old.forEach(drop)).immediate();
      }
    },
  };
}

type Query = Parameters<EventStore["events"]>[0];

function list(ask: Ask, query: Query): ReturnType<EventStore["events"]> {
  const order: Order = { column: "events.at", descending: query.sort.startsWith("-") };
  const among = filterOf(ask, query);
  const paged = where([...among, ...afterCursor(order, "events.n", query.cursor)]);
  const rows = ask.all<StoredFrame & { readonly id: string; readonly at: number; readonly name: string }>(
    `SELECT page.n, page.id, page.at, d.device, devices.name, f.body
     FROM (SELECT n, id, at FROM events WHERE ${paged.sql} ORDER BY ${orderBy(order, "events.n")} LIMIT ?) AS page
     CROSS JOIN event_frames AS f ON f.n = page.n / ${places} JOIN event_devices AS d ON d.n = f.device
     JOIN devices ON devices.id = d.device ORDER BY ${orderBy({ ...order, column: "page.at" }, "page.n")}`,
    ...paged.values,
    query.limit + 1,
  );
  const counted = where(among);
  const total = ask.number(`SELECT count(*) AS n FROM events WHERE ${counted.sql}`, ...counted.values);
  const dropped =
    query.device === undefined
      ? ask.number("SELECT sum(dropped) AS n FROM event_devices")
      : ask.number("SELECT dropped AS n FROM event_devices WHERE device = ?", query.device);
  const opened = new Map<number, ReadonlyMap<string, Observed>>();
  const eventOf = (row: (typeof rows)[number]): Observed | undefined => {
    const frame = Math.floor(row.n / places);
    const events = opened.get(frame) ?? new Map(openFrame(row).map((event) => [event.id, event]));
    opened.set(frame, events);
    return events.get(`${row.device}.${row.id}`);
  };
  const page = pageOf(
    rows,
    query.limit,
    total,
    (row) => {
      const event = eventOf(row);
      return event === undefined ? [] : [eventRow(event, row.device, row.name, row.at)];
    },
    ({ at, n }) => cursorOf(at, n),
  );
  return { ...page, rows: page.rows.flat(), dropped };
}

const filterOf = (ask: Ask, query: Query): readonly Condition[] => [
  ...(query.device === undefined
    ? []
    : [
        {
          sql: "events.device = ?",
          values: [ask.number("SELECT n FROM event_devices WHERE device = ?", query.device)],
        },
      ]),
  ...oneOf("events.kind", query.kind),
  ...(query.digest === undefined ? [] : [{ sql: "events.sha256 = unhex(?)", values: [query.digest] }]),
  ...(query.from === undefined ? [] : [{ sql: "events.at >= ?", values: [query.from] }]),
  ...(query.to === undefined ? [] : [{ sql: "events.at < ?", values: [query.to] }]),
  ...contains(["events.says"], query.q),
];
