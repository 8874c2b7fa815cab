import { hash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Command, CommandState } from "@provost/shared/model/command.ts";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import { CommandQuery } from "@provost/shared/protocol/api.ts";
import type { Frame, TriageFrame } from "@provost/shared/protocol/frames.ts";
import { limits } from "@provost/shared/protocol/limits.ts";
import { readBatch } from "@provost/shared/protocol/read-batch.ts";
import { acceptBatch } from "../ingest/accept.ts";
import { device, other } from "../store/contract-samples.ts";
import { openAuditStore } from "../store/sqlite/audit.ts";
import { openCommands } from "../store/sqlite/commands.ts";
import { openEvents } from "../store/sqlite/events.ts";
import { openGate } from "../store/sqlite/gate.ts";
import { openIncidentStore } from "../store/sqlite/incidents.ts";
import { openInventory } from "../store/sqlite/inventory.ts";
import { openDatabase } from "../store/sqlite/open.ts";
import { openTriage } from "../store/sqlite/triage.ts";
import { sqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { fileNameOf } from "./file-name.ts";
import { triageBounds } from "./triage-store.ts";

let folder: string;
let store: Store;
const numbered = new Map<string, number>();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-triage-store-"));
  store = sqliteStore(folder);
  numbered.clear();
  for (const id of [device, other]) store.inventory.addDevice({ id, name: id, publicKey: id, epoch: "one" }, 1);
  order("cmd_1");
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

function order(id: string, more: Partial<Command> = {}): void {
  const command: Command = {
    id,
    device,
    order: { action: "collect-triage" },
    reason: "a test",
    by: "ada",
    issuedAt: 1,
    expires: 10_000,
    nonce: id,
    ...more,
  };
  store.commands.add(command, { body: JSON.stringify(command), signature: "s" });
}
const noDesk = {} as Parameters<typeof acceptBatch>[3];
function send(frames: readonly Frame[], from: DeviceId = device, now = 7000) {
  const first = (numbered.get(from) ?? 0) + 1;
  const accepted = acceptBatch(from, { kind: "batch", first, skipped: 0, frames: [...frames] }, store, noDesk, now);
  numbered.set(from, first + frames.length - 1);
  return accepted;
}
const report = (state: CommandState, command = "cmd_1"): Frame => ({
  kind: "report",
  command,
  state,
  steps: [],
  at: 1,
});

const content = Buffer.from("what a device saw, packed");
const digest = hash("sha256", content, "hex") as Sha256;
function pieces(count = 3, more: Partial<TriageFrame> = {}): readonly TriageFrame[] {
  const size = Math.ceil(content.length / count);
  return Array.from({ length: count }, (_unused, piece) => ({
    kind: "triage",
    command: "cmd_1",
    sha256: digest,
    bytes: content.length,
    piece,
    pieces: count,
    data: content.subarray(piece * size, (piece + 1) * size).toString("base64"),
    ...more,
  }));
}
const audited = (): readonly string[] =>
  [...store.audit.entries(store.audit.stretch(0, Number.MAX_SAFE_INTEGER))].map(
    ({ says, facts }) => `${says} ${facts["sha256"] ?? ""}`,
  );

describe("a bundle", () => {
  test("is kept once all its pieces came, in any order and some twice, and the audit has its digest", () => {
    const [one, two, three] = pieces() as [TriageFrame, TriageFrame, TriageFrame];
    send([report("accepted"), three, one, three]);
    expect([store.triage.one("cmd_1")?.state, store.triage.read("cmd_1"), store.triage.answers(device)]).toEqual([
      "receiving",
      undefined,
      [],
    ]);
    const accepted = send([two, report("executed"), one]);
    expect(accepted.ok && [...accepted.changes.keys()]).toEqual(expect.arrayContaining(["audit", "commands"]));
    expect(store.triage.read("cmd_1")?.equals(content)).toBe(true);
    expect(store.triage.answers(device)).toMatchObject([{ command: "cmd_1", sha256: digest, state: "kept" }]);
    expect(store.commands.commands(CommandQuery.parse({})).rows[0]?.bundle).toEqual({
      sha256: digest,
      bytes: content.length,
    });
    expect(audited()).toContain(`A triage bundle of ${content.length} bytes is kept ${digest}`);
    // The device knows: nothing is answered any more.
    send([report("verified")]);
    expect(store.triage.answers(device)).toEqual([]);
    expect(store.commands.one("cmd_1")?.state).toBe("verified");
  });

  test.each<[string, readonly TriageFrame[], RegExp]>([
    ["whose bytes have another digest", pieces(2, { sha256: "00".repeat(32) as Sha256 }), /not the announced one/],
    ["with fewer bytes than it has", pieces(2, { bytes: content.length + 1 }), /bytes came of/],
    ["that is too large", pieces(2, { bytes: limits.triageBytes + 1 }), /more than 16777216/],
    ["whose pieces do not agree", [...pieces(3).slice(0, 1), ...pieces(2).slice(1)], /do not agree/],
    ["with a piece beyond its last", pieces(2, { piece: 5 }), /no piece 5/],
  ])("%s is refused, and none of it stays", (_what, frames, why) => {
    send([report("accepted"), ...frames]);
    expect(store.triage.one("cmd_1")).toMatchObject({ state: "refused", why: expect.stringMatching(why) as string });
    expect([store.triage.read("cmd_1"), rowsOf("triage_pieces")]).toEqual([undefined, 0]);
    expect(audited().some((line) => line.startsWith("A triage bundle is not kept"))).toBe(true);
    expect(store.triage.answers(device)).toMatchObject([{ state: "refused" }]);
    // What comes after it changes nothing.
    send(pieces(3));
    expect(store.triage.one("cmd_1")?.state).toBe("refused");
  });

  test("that nobody ordered, of another device, of an order that is over or another kind is not taken", () => {
    order("cmd_block", { order: { action: "block-digest", sha256: digest } });
    send(pieces(1, { command: "cmd_none" }));
    send(pieces(1, { command: "cmd_block" }));
    send(pieces(1), other);
    send([report("accepted"), report("failed"), ...pieces(1)]);
    expect([rowsOf("triage"), rowsOf("triage_pieces")]).toEqual([0, 0]);
  });

  test("of a device that left in the middle waits for the rest, a week", () => {
    const [one, ...rest] = pieces();
    send([report("accepted"), one as TriageFrame], device, 7000);
    expect(store.triage.trim(7000 + triageBounds.waitDays * 86_400_000, triageBounds)).toEqual([]);
    const [dropped] = store.triage.trim(7001 + triageBounds.waitDays * 86_400_000, triageBounds);
    expect(dropped).toMatchObject({ command: "cmd_1", state: "refused", why: "the rest of it never came" });
    send(rest);
    expect([store.triage.one("cmd_1")?.state, rowsOf("triage_pieces")]).toEqual(["refused", 0]);
  });

  test("that a full disk cannot take is not acknowledged, and is taken when there is room", () => {
    send([report("accepted")]);
    const large = Buffer.alloc(300_000, 7);
    const frame = (): TriageFrame => ({
      ...(pieces(1)[0] as TriageFrame),
      bytes: large.length,
      sha256: hash("sha256", large, "hex") as Sha256,
      data: large.toString("base64"),
    });
    const held = store.inventory.device(device)?.acknowledged;
    const db = openDatabase(folder);
    const limited = {
      inventory: openInventory(db),
      gate: openGate(db),
      events: openEvents(db),
      commands: openCommands(db),
      incidents: openIncidentStore(db),
      audit: openAuditStore(db),
      triage: openTriage(db),
    };
    const batch = { kind: "batch", first: 2, skipped: 0, frames: [frame()] } as const;
    const take = () => acceptBatch(device, { ...batch, frames: [...batch.frames] }, limited, noDesk, 7000);
    const used = Number(db.pragma("page_count", { simple: true }));
    db.pragma(`max_page_count = ${used + 10}`);
    expect(take).toThrow("full");
    expect([store.inventory.device(device)?.acknowledged, store.triage.one("cmd_1")]).toEqual([held, undefined]);
    db.pragma(`max_page_count = ${used + 10_000}`);
    expect(take().ok).toBe(true);
    db.close();
    expect(store.triage.read("cmd_1")?.length).toBe(large.length);
  });
});

test("bundles are dropped when their time or their place is over, the oldest first; the order still names why", () => {
  for (const [at, id] of ["cmd_a", "cmd_b", "cmd_c"].entries()) {
    order(id);
    send([report("accepted", id), ...pieces(1, { command: id })], device, 1000 + at);
  }
  const bounds = { ...triageBounds, bytesPerDevice: content.length * 2 };
  expect(store.triage.trim(2000, bounds).map(({ command, state }) => [command, state])).toEqual([["cmd_a", "gone"]]);
  expect(store.triage.one("cmd_a")?.why).toBe("newer bundles needed its place");
  const later = 1002 + triageBounds.days * 86_400_000;
  expect(store.triage.trim(later, bounds).map(({ command }) => command)).toEqual(["cmd_b"]);
  expect([store.triage.read("cmd_b"), store.triage.read("cmd_c")?.length]).toEqual([undefined, content.length]);
  expect(store.commands.commands(CommandQuery.parse({})).rows.map(({ bundle }) => bundle !== undefined)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test("a frame with more characters, pieces or another digest than may be is refused at the door", () => {
  const [one] = pieces(1);
  const batch = (more: Record<string, unknown>) =>
    readBatch({ kind: "batch", first: 1, skipped: 0, frames: [{ ...one, ...more }] });
  expect(batch({}).ok).toBe(true);
  for (const more of [
    { data: "A".repeat(limits.triagePieceCharacters + 1) },
    { data: "no base64!" },
    { pieces: limits.triagePieces + 1 },
    { pieces: 0 },
    { piece: -1 },
    { sha256: "AB" },
    { bytes: 1.5 },
  ])
    expect(batch(more)).toMatchObject({ ok: false });
});

test("its file is named by device, time and order", () => {
  const about = { command: "cmd_1", device, sha256: digest, bytes: 1, at: 0, state: "kept", why: undefined } as const;
  expect(fileNameOf(about)).toBe(`provost-triage-${device}-1970-01-01T000000-cmd_1.json.gz`);
});

function rowsOf(table: string): number {
  const db = new Database(join(folder, "server.sqlite"), { readonly: true });
  try {
    return Number(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
  } finally {
    db.close();
  }
}
