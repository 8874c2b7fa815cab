import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { limits } from "@provost/shared/protocol/limits.ts";
import { TriageFrame } from "@provost/shared/protocol/response-frames.ts";
import { parseStat } from "../inventory/proc-text.ts";
import { lease } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import { openState, writeMeta } from "../state/state.ts";
import { packBundle } from "./bundle.ts";
import type { TriageBundle } from "./bundle.ts";
import { bundleOf, keepBundle, noteAnswer } from "./keep.ts";
import { LeftOut } from "./look.ts";
import { schedules, signedIn } from "./machine.ts";
import { agentFacts } from "./own.ts";
import { seeProcesses } from "./processes.ts";
import { runCollect } from "./run-collect.ts";
import { socketOf } from "./sockets.ts";

let folder: string;
let state: State;
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-triage-"));
  state = openState(join(folder, "state"));
});
afterEach(() => {
  // The shell and what it started: a group of their own.
  if (child?.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  child = undefined;
  state.close();
  rmSync(folder, { recursive: true });
});

const never = (): boolean => false;

/** A shell with a child of its own, in a folder whose name breaks a line. */
async function startTree(): Promise<{ readonly pid: number; readonly startedAt: string; readonly place: string }> {
  const place = join(folder, "a\nb \\ c");
  mkdirSync(place);
  child = spawn("sh", ["-c", "exec 7<. ; sleep 60 & echo ready; wait"], {
    cwd: place,
    env: { PATH: process.env["PATH"], SECRET_TOKEN: "hunter2-never-told", PLAIN: "1" },
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  if (child.stdout !== null) await once(child.stdout, "data");
  const pid = child.pid ?? 0;
  const ticks = parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"))?.startTicks ?? 0;
  return { pid, startedAt: String(BigInt(ticks) * 10_000_000n + 7n), place };
}

const piecesIn = (from: State): readonly TriageFrame[] => {
  const found: TriageFrame[] = [];
  for (let after = 0; ;) {
    const leased = lease(from, after);
    if (leased === undefined) return found;
    for (const frame of leased.frames as readonly { kind: string }[])
      if (frame.kind === "triage") found.push(TriageFrame.parse(frame));
    after = leased.last;
  }
};
const joined = (pieces: readonly TriageFrame[]): Buffer =>
  Buffer.concat(pieces.map(({ data }) => Buffer.from(data, "base64")));

test("a process is looked at with everybody above and below it; of its environment only the names", async () => {
  const { pid, startedAt } = await startTree();
  const seen = seeProcesses({ pid, startedAt }, never, new LeftOut());
  expect(seen.runs).toBe(true);
  const asked = seen.processes.find((one) => one.pid === pid);
  expect(asked?.detail?.cwd).toMatch(/\/a\\x0ab \\x5c c$/);
  expect(asked?.detail?.files.find(({ fd }) => fd === 7)?.path).toMatch(/\/a\\x0ab \\x5c c$/);
  expect(asked?.detail?.environment).toEqual(expect.arrayContaining(["PATH", "SECRET_TOKEN", "PLAIN"]));
  const below = seen.processes.filter(({ parent }) => parent === pid);
  expect(below.map((one) => one.arguments)).toEqual([["sleep", "60"]]);
  expect(below.every(({ detail }) => detail !== undefined)).toBe(true);
  expect(seen.processes.find((one) => one.pid === process.pid)?.detail).toBeDefined();
  const others = seen.processes.filter((one) => !seen.near.includes(one.pid));
  expect(others.some(({ detail }) => detail !== undefined)).toBe(false);
});

test("a number that is another process's by now is not taken for the one that was meant", async () => {
  const { pid, startedAt } = await startTree();
  const other = seeProcesses({ pid, startedAt: String(BigInt(startedAt) + 50_000_000n) }, never, new LeftOut());
  expect(other.runs).toBe(false);
});

test("when the time is over nobody is looked at closely any more, and that is said", () => {
  const left = new LeftOut();
  const seen = seeProcesses(undefined, () => true, left);
  expect(seen.processes.every(({ detail }) => detail === undefined)).toBe(true);
  expect(left.all()).toContainEqual({
    what: "details of processes",
    count: seen.processes.length,
    why: "there was no time left",
  });
});

test("a whole look is kept, cut into pieces that together have its digest, and tells no secret", async () => {
  const { pid, startedAt } = await startTree();
  writeMeta(state, "device", "dev_1");
  writeMeta(state, "device-key", "the device's own key");
  const done = await runCollect({
    folder: join(folder, "state"),
    command: "cmd_1",
    process: { pid, startedAt },
    executable: "/bin/sh",
  });
  const pieces = piecesIn(state);
  expect(pieces.map(({ piece }) => piece)).toEqual([...pieces.keys()]);
  const packed = joined(pieces);
  expect([packed.length, bundleOf(state, "cmd_1")]).toMatchObject([
    done.bytes,
    { sha256: done.sha256, answer: "waiting" },
  ]);
  const text = gunzipSync(packed).toString();
  const bundle = JSON.parse(text) as TriageBundle;
  expect(bundle).toMatchObject({
    format: "provost-triage/1",
    command: "cmd_1",
    device: "dev_1",
    about: { pid, executable: "/bin/sh", runs: true },
  });
  expect(bundle.digests.find(({ pids }) => pids.includes(pid))?.sha256).toMatch(/^[0-9a-f]{64}$/);
  for (const list of [bundle.processes, bundle.mounts, bundle.schedules]) expect(list.length).toBeGreaterThan(0);
  expect(text).not.toMatch(/hunter2|the device's own key/);
});

test("what takes too long is ended and named", async () => {
  await expect(
    runCollect({ folder: join(folder, "state"), command: "cmd_2" }, undefined, { lookMs: 1, wholeMs: 1 }),
  ).rejects.toThrow("took more than");
  expect(bundleOf(state, "cmd_2")).toBeUndefined();
});

const empty: TriageBundle = {
  format: "provost-triage/1",
  command: "cmd_1",
  device: "dev_1",
  agentVersion: "0",
  at: 0,
  tookMs: 0,
  host: {},
  processes: [],
  sockets: [],
  mounts: [],
  users: [],
  modules: [],
  schedules: [],
  digests: [],
  agent: {},
  events: [],
  audit: [],
  left: [],
};
/** Text that gzip cannot make shorter. */
const noise = (at: number): string => Buffer.from(crypto.getRandomValues(new Uint8Array(60))).toString("base64") + at;

test("what is too large is made smaller where it is longest, and says how much is missing", () => {
  const mounts = Array.from({ length: 400 }, (_unused, at) => noise(at));
  const packed = packBundle({ ...empty, mounts, modules: ["kept"] }, 10_000);
  expect(packed.length).toBeLessThanOrEqual(10_000);
  const shown = JSON.parse(gunzipSync(packed).toString()) as TriageBundle;
  expect(shown.modules).toEqual(["kept"]);
  expect(shown.mounts.length).toBeGreaterThan(50);
  expect(shown.left).toEqual([
    { what: "mounts", count: 400 - shown.mounts.length, why: "the bundle would be too large with them" },
  ]);
});

test("nothing is packed that cannot be made small enough", () => {
  expect(() => packBundle({ ...empty, agent: { noise: noise(0) } }, 20)).toThrow("the smallest bundle is larger");
});

test("a bundle is told once, in pieces of which each fits a frame, also when it is kept again", () => {
  const packed = crypto.getRandomValues(Buffer.alloc(65_536));
  const large = Buffer.concat(Array.from({ length: 20 }, () => packed));
  const first = keepBundle(state, "cmd_1", large, 1000);
  expect(keepBundle(state, "cmd_1", Buffer.from("other"), 2000)).toEqual(first);
  const pieces = piecesIn(state);
  expect([pieces.length, joined(pieces).equals(large)]).toEqual([4, true]);
  expect(Math.max(...pieces.map(({ data }) => data.length))).toBeLessThanOrEqual(limits.triagePieceCharacters);
});

test("what waits to be told already is not pushed out by more", () => {
  const whole = Buffer.alloc(limits.triageBytes, "x");
  for (const command of ["cmd_1", "cmd_2"]) keepBundle(state, command, whole, 1000);
  expect(() => keepBundle(state, "cmd_3", whole, 1000)).toThrow("wait to be told already");
  expect([bundleOf(state, "cmd_3"), piecesIn(state).some(({ command }) => command === "cmd_3")]).toEqual([
    undefined,
    false,
  ]);
});

test("on a full disk nothing of it is kept, and nothing of it told", () => {
  const used = Number(state.pragma("page_count", { simple: true }));
  state.pragma(`max_page_count = ${used + 20}`);
  expect(() => keepBundle(state, "cmd_1", Buffer.alloc(1_000_000, "x"), 1000)).toThrow("full");
  expect([bundleOf(state, "cmd_1"), piecesIn(state)]).toEqual([undefined, []]);
});

test("only the server's word about this very bundle counts, and only once", () => {
  const { sha256 } = keepBundle(state, "cmd_1", Buffer.from("one"), 1000);
  expect(noteAnswer(state, { command: "cmd_9", sha256, kept: true })).toBe(false);
  expect(noteAnswer(state, { command: "cmd_1", sha256: "00".repeat(32), kept: true })).toBe(true);
  expect(bundleOf(state, "cmd_1")).toMatchObject({
    answer: "refused",
    why: expect.stringMatching(/^the server speaks/) as string,
  });
  expect(noteAnswer(state, { command: "cmd_1", sha256, kept: true })).toBe(false);
});

test("units and cron entries come newest first, with names that break lines kept apart", () => {
  const place = join(folder, "cron.d");
  mkdirSync(place);
  writeFileSync(join(place, "old"), "");
  writeFileSync(join(place, "new\nline"), "");
  chmodSync(join(place, "new\nline"), 0o640);
  const [newest, older] = schedules(new LeftOut(), [place, join(folder, "absent")]);
  expect([newest?.path, newest?.mode, older?.path]).toEqual([`${place}/new\\x0aline`, 0o640, `${place}/old`]);
});

test("who is signed in is read from utmp", () => {
  const record = Buffer.alloc(384);
  record.writeInt16LE(7, 0);
  record.writeInt32LE(4711, 4);
  record.write("pts/0", 8);
  record.write("kim", 44);
  record.write("192.0.2.7", 76);
  record.writeInt32LE(1_700_000_000, 340);
  const path = join(folder, "utmp");
  writeFileSync(path, Buffer.concat([Buffer.alloc(384), record, Buffer.alloc(100)]));
  expect(signedIn(new LeftOut(), path)).toEqual([
    { pid: 4711, line: "pts/0", user: "kim", from: "192.0.2.7", at: 1_700_000_000_000 },
  ]);
  const left = new LeftOut();
  expect([signedIn(left, join(folder, "absent")), left.all().length]).toEqual([[], 1]);
});

test.each([
  [
    "tcp",
    "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 x",
    { local: "127.0.0.1:5432", remote: "0.0.0.0:0", state: "listening", uid: 1000, pids: [7] },
  ],
  [
    "tcp6",
    "   1: 00000000000000000000000001000000:01BB B80D0120000000000000000001000000:0050 01 0:0 00:0 0  0        0 9 1",
    { local: "[0:0:0:0:0:0:0:1]:443", remote: "[2001:db8:0:0:0:0:0:1]:80", state: "established", pids: [] },
  ],
])("a line of /proc/net/%s is an address, a state and who holds it", (protocol, line, wanted) => {
  expect(socketOf(protocol, line, new Map([["12345", [7]]]))).toMatchObject(wanted);
  expect(socketOf(protocol, "torn", new Map())).toBeUndefined();
});

test("what the agent says of itself leaves its keys out", () => {
  writeMeta(state, "device-key", "secret");
  writeMeta(state, "server-key", "public");
  expect(JSON.stringify(agentFacts(state))).not.toMatch(/secret|public/);
});
