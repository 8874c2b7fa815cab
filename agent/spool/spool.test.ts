import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Frame } from "@provost/shared/protocol/frames.ts";
import type { State } from "../state/state.ts";
import { openState, readMeta } from "../state/state.ts";
import { agreesWith, append, commit, depth, lease, mustRetell, spoolLimits, startEpoch, takeLost } from "./spool.ts";

const scratch = fs.mkdtempSync(join(tmpdir(), "provost-spool-"));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

let state: State;
beforeEach(() => {
  state = openState(fs.mkdtempSync(join(scratch, "s-")));
});
afterEach(() => {
  state.close();
});

const held = (count: number): Frame => ({
  kind: "held",
  proofs: [{ root: "", purl: `pkg:npm/x@${count}` as never, version: count }],
});
const health = (at: number, padding = ""): Frame => ({
  kind: "health",
  agentVersion: padding,
  rssBytes: 1,
  cpuShare: 0,
  spooledFrames: 0,
  spooledBytes: 0,
  at,
});
const running = (at: number): Frame => ({ kind: "running", at, files: [], processes: [] });

test("frames are leased in order, again until they are committed, and never after", () => {
  for (const count of [1, 2, 3]) append(state, held(count));
  expect(lease(state, 0)).toMatchObject({ first: 1, last: 3, frames: [held(1), held(2), held(3)] });
  expect(lease(state, 0)).toMatchObject({ first: 1, last: 3 });
  commit(state, 2);
  expect(lease(state, 0)).toMatchObject({ first: 3, last: 3, frames: [held(3)] });
  commit(state, 3);
  expect(lease(state, 0)).toBeUndefined();
  expect(append(state, held(4))).toBe(4);
});

test("a lease is bounded in bytes, and always holds one frame", () => {
  for (const count of [1, 2, 3]) append(state, held(count));
  expect(lease(state, 0, 1)).toMatchObject({ first: 1, last: 1 });
  expect(lease(state, 1, 1)).toMatchObject({ first: 2, last: 2 });
});

test("a newer picture of what runs replaces the older one, and a batch ends at the gap", () => {
  append(state, running(1));
  append(state, held(1));
  append(state, running(2));
  append(state, held(2));
  append(state, running(3));
  expect(lease(state, 0)).toMatchObject({ first: 2, last: 2, frames: [held(1)] });
  expect(lease(state, 2)).toMatchObject({ first: 4, last: 5, frames: [held(2), running(3)] });
});

test("full telemetry drops its oldest, counts them exactly, and leaves the state lane alone", () => {
  append(state, held(1));
  const padding = "x".repeat(1024 * 1024);
  const frames = 20;
  for (let at = 1; at <= frames; at += 1) append(state, health(at, padding));
  const kept = depth(state).frames - 1;
  expect(depth(state).bytes).toBeLessThanOrEqual(spoolLimits.telemetryBytes + 1000);
  expect(kept).toBeGreaterThan(10);
  const lost = takeLost(state);
  expect(lost + kept).toBe(frames);
  expect(takeLost(state)).toBe(0);
  expect(lease(state, 0)).toMatchObject({ first: 1, last: 1, frames: [held(1)] });
});

const happened = (name: string, count: number, padding = ""): Frame => ({
  kind: "events",
  processes: [{ pid: 7, startedAt: "70", executable: "/bin/sh", arguments: [padding], uid: 0, gid: 0, name: "sh" }],
  items: Array.from({ length: count }, (_, at) => ({ kind: "exit", id: `${name}-${at}`, at: 1, actor: 0, status: 0 })),
});

test("what a full spool drops of events is counted one by one", () => {
  const padding = "x".repeat(1024 * 1024);
  for (let at = 1; at <= 20; at += 1) append(state, happened(`e${at}`, 10, padding));
  expect(takeLost(state) + depth(state).frames * 10).toBe(200);
});

test("events and declared losses outlive an epoch: the server may have asked for everything again before it had them", () => {
  append(state, happened("before", 3));
  append(state, health(1));
  append(state, held(1));
  append(state, { kind: "lost", lane: "telemetry", count: 12, why: "full", at: 1 });
  startEpoch(state);
  expect(lease(state, 0)?.frames).toEqual([happened("before", 3)]);
  expect(takeLost(state)).toBe(12);
});

test("one telemetry frame larger than the lane drops all others and is kept", () => {
  append(state, health(1));
  append(state, health(2, "x".repeat(spoolLimits.telemetryBytes)));
  expect(depth(state).frames).toBe(1);
  expect(takeLost(state)).toBe(1);
});

test("a full state lane is forgotten as a whole: everything is told again, and dropped telemetry stays counted", () => {
  append(state, health(1));
  append(state, { kind: "lost", lane: "telemetry", count: 5, why: "the spool was full", at: 1 });
  const before = readMeta(state, "epoch");
  for (let count = 1; count <= 100; count += 1) append(state, held(count), 500);
  expect(mustRetell(state)).toBe(true);
  expect(readMeta(state, "epoch")).not.toBe(before);
  expect(depth(state)).toEqual({ frames: 0, bytes: 0 });
  append(state, { kind: "lost", lane: "telemetry", count: 2, why: "the spool was full", at: 1 });
  expect(takeLost(state)).toBe(8);
  startEpoch(state);
  expect(mustRetell(state)).toBe(false);
  expect(append(state, held(1))).toBe(1);
});

describe("what the server says it holds", () => {
  test.each([
    ["what was committed", 2, true],
    ["more of what was sent", 3, true],
    ["less than it acknowledged before: it lost data", 1, false],
    ["more than was ever numbered: this spool was set back", 4, false],
  ])("%s", (_name, acknowledged, agrees) => {
    for (const count of [1, 2, 3]) append(state, held(count));
    commit(state, 2);
    expect(agreesWith(state, acknowledged)).toBe(agrees);
  });

  test("is nothing in a new epoch, which begins at 1 under another name", () => {
    append(state, held(1));
    commit(state, 1);
    const before = readMeta(state, "epoch");
    const epoch = startEpoch(state);
    expect(epoch).not.toBe(before);
    expect(depth(state).frames).toBe(0);
    expect([agreesWith(state, 0), agreesWith(state, 1)]).toEqual([true, false]);
    expect(append(state, held(2))).toBe(1);
  });
});

test("a process killed between append and commit: what it had confirmed is there, in order, and nothing half", async () => {
  const folder = fs.mkdtempSync(join(scratch, "killed-"));
  const program = `import { openState } from ${JSON.stringify(join(import.meta.dirname, "../state/state.ts"))};
    import { append } from ${JSON.stringify(join(import.meta.dirname, "spool.ts"))};
    const state = openState(process.argv[1]);
    for (let version = 1; ; version += 1) {
      state.transaction(() => {
        append(state, { kind: "held", proofs: [{ root: "", purl: "a", version }] });
        append(state, { kind: "held", proofs: [{ root: "", purl: "b", version }] });
      }).immediate();
      process.stdout.write(version + "\\n");
    }`;
  for (let round = 0; round < 3; round += 1) {
    fs.rmSync(folder, { recursive: true, force: true });
    const confirmed = await writeUntilKilled(program, folder, 20 + round * 37);
    const after = openState(folder);
    const frames = (lease(after, 0, Number.MAX_SAFE_INTEGER)?.frames ?? []) as {
      proofs: { purl: string; version: number }[];
    }[];
    expect(frames.length).toBeGreaterThanOrEqual(Math.min(2000, confirmed * 2));
    expect(frames.length % 2).toBe(0);
    const told = frames.map(({ proofs }) => `${proofs[0]?.purl}${proofs[0]?.version}`);
    expect(told).toEqual(told.map((_none, at) => `${at % 2 === 0 ? "a" : "b"}${Math.floor(at / 2) + 1}`));
    expect(append(after, held(1))).toBe(depth(after).frames);
    after.close();
  }
});

async function writeUntilKilled(program: string, folder: string, afterMs: number): Promise<number> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, folder], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  return Number(/(\d+)\n[^\n]*$/.exec(said)?.[1] ?? 0);
}

const alarms = (at: number): Frame => ({ kind: "alarms", items: [{ at, kind: "lost", says: "x", facts: {} }] });

test("what the gate did outlives an epoch, and is told before what is told again", () => {
  append(state, held(1));
  append(state, alarms(1));
  append(state, health(1));
  append(state, alarms(2));
  startEpoch(state);
  append(state, held(2));
  expect(lease(state, 0)).toMatchObject({ first: 1, last: 3, frames: [alarms(1), alarms(2), held(2)] });
});
