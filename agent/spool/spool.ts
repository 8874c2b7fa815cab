import { randomUUID } from "node:crypto";
import type { Frame } from "@provost/shared/protocol/frames.ts";
import { limits } from "@provost/shared/protocol/limits.ts";
import { prepared } from "../state/prepared.ts";
import type { State } from "../state/state.ts";
import { readMeta, writeMeta } from "../state/state.ts";

/**
 * What is still to be told to the server, in SQLite: appended in the same transaction as the knowledge it tells, so that
 * nothing is known and never told. Three lanes. `state` can be written again from the tables at any time, so a full spool
 * forgets it as a whole and starts a new epoch. `telemetry` is a moment: a full spool drops the oldest and says how many. `kept` is
 * what the gate did: no table could tell it again, so it outlives an epoch. So do events, and what was declared lost.
 */
export interface Lease {
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
  readonly frames: readonly unknown[];
}

export const spoolLimits = {
  telemetryBytes: 16 * 1024 * 1024,
  stateBytes: 512 * 1024 * 1024,
  keptBytes: 128 * 1024 * 1024,
  leaseBytes: 1024 * 1024,
} as const;

export type Lane = "state" | "telemetry" | "kept";

export const laneOf = ({ kind }: Frame): Lane => {
  if (kind === "running" || kind === "health" || kind === "scan" || kind === "events") return "telemetry";
  return kind === "decisions" || kind === "alarms" || kind === "request" || kind === "report" || kind === "triage"
    ? "kept"
    : "state";
};

/**
 * Returns the frame's sequence number, or 0 where everything will be told again anyway. Durable when the surrounding
 * transaction commits.
 */
export function append(state: State, frame: Frame, stateBytes: number = spoolLimits.stateBytes): number {
  if (laneOf(frame) === "state" && mustRetell(state)) {
    if (frame.kind === "lost") addLost(state, frame.count);
    return 0;
  }
  const body = JSON.stringify(frame);
  const bytes = Buffer.byteLength(body);
  const lane = laneOf(frame);
  if (lane === "telemetry") {
    // A newer whole replaces an older one that nobody has read: only the newest snapshot and progress matter.
    if (frame.kind === "running" || (frame.kind === "scan" && frame.state !== "done")) dropOlder(state, frame.kind);
    makeRoom(state, lane, bytes, spoolLimits.telemetryBytes);
  }
  if (lane === "kept") makeRoom(state, lane, bytes, spoolLimits.keptBytes);
  const inserted = prepared(state, "INSERT INTO spool (lane, kind, body, bytes) VALUES (?, ?, ?, ?)").run(
    lane,
    frame.kind,
    body,
    bytes,
  );
  const sequence = Number(inserted.lastInsertRowid);
  if (lane !== "state" || sequence % checkEvery !== 0 || bytesIn(state, "state") <= stateBytes) return sequence;
  forgetEverything(state);
  return 0;
}

/** How many frames may be appended between two looks at the lane's size. */
const checkEvery = 64;

/** The server has been away for so long that telling everything once is less than telling what happened meanwhile. */
export const mustRetell = (state: State): boolean => readMeta(state, "retell") === "yes";

function forgetEverything(state: State): void {
  const gone = state
    .prepare<[], { count: number }>("SELECT count(*) AS count FROM spool WHERE lane = 'telemetry' AND kind <> 'events'")
    .get();
  startEpoch(state);
  addLost(state, gone?.count ?? 0);
  writeMeta(state, "retell", "yes");
}

const bytesIn = (state: State, lane: Lane): number =>
  state.prepare<[string], { bytes: number | null }>("SELECT sum(bytes) AS bytes FROM spool WHERE lane = ?").get(lane)
    ?.bytes ?? 0;

function addLost(state: State, count: number): void {
  if (count > 0) writeMeta(state, "telemetry-lost", String(Number(readMeta(state, "telemetry-lost") ?? 0) + count));
}

/** The oldest frames after `after`, at most `maxBytes` (always at least one frame); undefined where there is none. */
export function lease(state: State, after: number, maxBytes: number = spoolLimits.leaseBytes): Lease | undefined {
  const frames: unknown[] = [];
  let first = 0;
  let last = after;
  let bytes = 0;
  const rows = state
    .prepare<[number, number], SpoolRow>(
      "SELECT sequence, body, bytes FROM spool WHERE sequence > ? ORDER BY sequence LIMIT ?",
    )
    .iterate(after, limits.framesPerBatch);
  for (const row of rows) {
    // A batch numbers its frames without gaps; dropped telemetry leaves one, so the batch ends there.
    const fits = frames.length === 0 || (bytes + row.bytes <= maxBytes && row.sequence === last + 1);
    if (!fits) break;
    if (frames.length === 0) first = row.sequence;
    frames.push(JSON.parse(row.body));
    last = row.sequence;
    bytes += row.bytes;
  }
  return frames.length === 0 ? undefined : { first, last, bytes, frames };
}

/** Everything up to `upTo` is stored at the server. */
export function commit(state: State, upTo: number): void {
  state
    .transaction(() => {
      state.prepare("DELETE FROM spool WHERE sequence <= ?").run(upTo);
      writeMeta(state, "committed", String(upTo));
    })
    .immediate();
}

/**
 * Whether the server's word about what it holds can be true for this epoch: not less than it acknowledged before (it lost
 * data), not more than was ever numbered here (this spool was set back). Otherwise a new epoch has to tell everything again.
 */
export function agreesWith(state: State, acknowledged: number): boolean {
  const committed = Number(readMeta(state, "committed") ?? 0);
  const numbered =
    state.prepare<[], { seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'spool'").get()?.seq ?? 0;
  return acknowledged >= committed && acknowledged <= numbered;
}

export function depth(state: State): { readonly frames: number; readonly bytes: number } {
  const row = state
    .prepare<[], { frames: number; bytes: number | null }>("SELECT count(*) AS frames, sum(bytes) AS bytes FROM spool")
    .get();
  return { frames: row?.frames ?? 0, bytes: row?.bytes ?? 0 };
}

/**
 * Forgets what was to be told and begins a new epoch; `retell` then appends everything the tables hold. What is kept comes first, with
 * events: the server knows one that it has by its name.
 */
export function startEpoch(state: State): string {
  const epoch = randomUUID();
  const kept = state
    .prepare<[], KeptRow>(
      "SELECT lane, kind, body, bytes FROM spool WHERE lane = 'kept' OR kind = 'events' ORDER BY sequence",
    )
    .all();
  const declared = state
    .prepare<[], number | null>("SELECT sum(json_extract(body, '$.count')) FROM spool WHERE kind = 'lost'")
    .pluck()
    .get();
  addLost(state, declared ?? 0);
  state.prepare("DELETE FROM spool").run();
  state.prepare("DELETE FROM sqlite_sequence WHERE name = 'spool'").run();
  const again = state.prepare("INSERT INTO spool (lane, kind, body, bytes) VALUES (@lane, @kind, @body, @bytes)");
  for (const row of kept) again.run(row);
  writeMeta(state, "epoch", epoch);
  writeMeta(state, "committed", "0");
  writeMeta(state, "retell", "no");
  return epoch;
}

interface SpoolRow {
  readonly sequence: number;
  readonly body: string;
  readonly bytes: number;
}

interface KeptRow {
  readonly lane: string;
  readonly kind: string;
  readonly body: string;
  readonly bytes: number;
}

function dropOlder(state: State, kind: string): void {
  state.prepare("DELETE FROM spool WHERE kind = ?").run(kind);
}

function makeRoom(state: State, lane: Lane, bytes: number, most: number): void {
  let over = bytesIn(state, lane) + bytes - most;
  let lost = 0;
  const countOf = state
    .prepare<[number], number>(
      "SELECT CASE kind WHEN 'events' THEN json_array_length(body, '$.items') ELSE 1 END FROM spool WHERE sequence = ?",
    )
    .pluck();
  while (over > 0) {
    const oldest = state
      .prepare<[string], SpoolRow>(
        "SELECT sequence, bytes, '' AS body FROM spool WHERE lane = ? ORDER BY sequence LIMIT 1",
      )
      .get(lane);
    if (oldest === undefined) break;
    lost += countOf.get(oldest.sequence) ?? 1;
    state.prepare("DELETE FROM spool WHERE sequence = ?").run(oldest.sequence);
    over -= oldest.bytes;
  }
  addLost(state, lost);
}

/** Telemetry that never came so far as to be spooled. */
export const countLost = (state: State, count: number): void => addLost(state, count);

/** Whether telemetry was dropped that nobody was told of yet. */
export const hasLost = (state: State): boolean => Number(readMeta(state, "telemetry-lost") ?? 0) > 0;

/** How much telemetry was dropped since the last call; the caller appends a `lost` frame in the same transaction. */
export function takeLost(state: State): number {
  const lost = Number(readMeta(state, "telemetry-lost") ?? 0);
  if (lost > 0) writeMeta(state, "telemetry-lost", "0");
  return lost;
}
