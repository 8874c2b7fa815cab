import { createHash } from "node:crypto";
import type { Database as Db } from "better-sqlite3";
import type { Command } from "@provost/shared/model/command.ts";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import type { TriageFrame } from "@provost/shared/protocol/frames.ts";
import { limits } from "@provost/shared/protocol/limits.ts";
import type { StoredBundle, TriageStore } from "../../triage/triage-store.ts";

export const triageMigrations: readonly string[] = [
  `CREATE TABLE triage (
     command TEXT PRIMARY KEY, device TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, pieces INTEGER NOT NULL,
     at INTEGER NOT NULL, state TEXT NOT NULL, why TEXT
   ) WITHOUT ROWID, STRICT;
   CREATE INDEX triage_by_device ON triage (device, at);
   CREATE TABLE triage_pieces (command TEXT NOT NULL, piece INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (command, piece)) STRICT;`,
];

interface Row {
  readonly command: string;
  readonly device: DeviceId;
  readonly sha256: Sha256;
  readonly bytes: number;
  readonly pieces: number;
  readonly at: number;
  readonly state: StoredBundle["state"];
  readonly why: string | null;
}

export function openTriage(db: Db): TriageStore {
  const one = db.prepare<[string], Row>("SELECT * FROM triage WHERE command = ?");
  const order = db.prepare<[string, string], { body: string; state: string }>(
    "SELECT body, state FROM commands WHERE id = ? AND device = ?",
  );
  const data = db.prepare<[string], Buffer>("SELECT data FROM triage_pieces WHERE command = ? ORDER BY piece").pluck();
  const held = db.prepare<[string], number>("SELECT count(*) FROM triage_pieces WHERE command = ?").pluck();
  const settle = (command: string, state: StoredBundle["state"], why: string | undefined): StoredBundle | undefined => {
    db.prepare("UPDATE triage SET state = ?, why = ? WHERE command = ?").run(state, why ?? null, command);
    if (state !== "kept") db.prepare("DELETE FROM triage_pieces WHERE command = ?").run(command);
    return shown(one.get(command));
  };
  /** Only what this device was ordered to collect, and only until that order has ended. */
  const isWanted = (device: DeviceId, command: string): boolean => {
    const found = order.get(command, device);
    if (found === undefined || !["issued", "accepted", "executed"].includes(found.state)) return false;
    return (JSON.parse(found.body) as Command).order.action === "collect-triage";
  };
  const begin = (device: DeviceId, { command, sha256, bytes, pieces }: TriageFrame, now: number): Row | undefined => {
    db.prepare(
      "INSERT OR IGNORE INTO triage (command, device, sha256, bytes, pieces, at, state) VALUES (?, ?, ?, ?, ?, ?, 'receiving')",
    ).run(command, device, sha256, bytes, pieces, now);
    return one.get(command);
  };
  /** Every piece is here: whether they are what the device said they are. */
  const whole = ({ command, sha256, bytes }: Row): StoredBundle | undefined => {
    const sum = createHash("sha256");
    let length = 0;
    for (const piece of data.iterate(command)) {
      sum.update(piece);
      length += piece.length;
    }
    const found = sum.digest("hex");
    if (length !== bytes) return settle(command, "refused", `${length} bytes came of ${bytes} that were announced`);
    if (found !== sha256)
      return settle(command, "refused", `its bytes have the digest ${found}, not the announced one`);
    return settle(command, "kept", undefined);
  };
  return {
    put(device, frame, now) {
      if (!isWanted(device, frame.command)) return undefined;
      const row = one.get(frame.command) ?? begin(device, frame, now);
      if (row === undefined || row.state !== "receiving") return undefined;
      const refused = faultOf(row, frame);
      if (refused !== undefined) return settle(frame.command, "refused", refused);
      db.prepare("INSERT OR IGNORE INTO triage_pieces (command, piece, data) VALUES (?, ?, ?)").run(
        frame.command,
        frame.piece,
        Buffer.from(frame.data, "base64"),
      );
      db.prepare("UPDATE triage SET at = ? WHERE command = ?").run(now, frame.command);
      return held.get(frame.command) === row.pieces ? whole(row) : undefined;
    },
    one: (command) => shown(one.get(command)),
    read: (command) => (one.get(command)?.state === "kept" ? Buffer.concat(data.all(command)) : undefined),
    answers: (device) =>
      db
        .prepare<[string], Row>(
          `SELECT triage.* FROM triage JOIN commands ON commands.id = triage.command
           WHERE triage.device = ? AND triage.state IN ('kept', 'refused') AND commands.state IN ('issued', 'accepted', 'executed') LIMIT 100`,
        )
        .all(device)
        .map(bundleOf),
    trim(now, { days, bytesPerDevice, bytes, waitDays }) {
      const dropped: StoredBundle[] = [];
      const drop = (row: Row, state: StoredBundle["state"], why: string): void => {
        const after = settle(row.command, state, why);
        if (after !== undefined) dropped.push(after);
      };
      const waiting = db.prepare<[number], Row>("SELECT * FROM triage WHERE state = 'receiving' AND at < ?");
      for (const row of waiting.all(now - waitDays * dayMs)) drop(row, "refused", "the rest of it never came");
      const totals = new Map<string, number>();
      let all = 0;
      const kept = db.prepare<[], Row>("SELECT * FROM triage WHERE state = 'kept' ORDER BY at DESC, command DESC");
      for (const row of kept.all()) {
        const ofDevice = (totals.get(row.device) ?? 0) + row.bytes;
        const isOver = all + row.bytes > bytes || ofDevice > bytesPerDevice;
        if (row.at < now - days * dayMs) drop(row, "gone", `it was kept for ${days} days`);
        else if (isOver) drop(row, "gone", "newer bundles needed its place");
        else {
          all += row.bytes;
          totals.set(row.device, ofDevice);
        }
      }
      return dropped;
    },
  };
}

const dayMs = 86_400_000;

function faultOf(row: Row, frame: TriageFrame): string | undefined {
  if (frame.bytes > limits.triageBytes) return `it has ${frame.bytes} bytes, more than ${limits.triageBytes}`;
  if (frame.sha256 !== row.sha256 || frame.bytes !== row.bytes || frame.pieces !== row.pieces)
    return "its pieces do not agree what they are pieces of";
  return frame.piece >= frame.pieces ? `there is no piece ${frame.piece} of ${frame.pieces}` : undefined;
}

const shown = (row: Row | undefined): StoredBundle | undefined => (row === undefined ? undefined : bundleOf(row));

const bundleOf = ({ command, device, sha256, bytes, at, state, why }: Row): StoredBundle => ({
  command,
  device,
  sha256,
  bytes,
  at,
  state,
  why: why ?? undefined,
});
