import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { GateDecision } from "@provost/shared/protocol/gate-frames.ts";
import type { State } from "../state/state.ts";
import { openState } from "../state/state.ts";
import { approvalOf } from "./approvals.ts";
import { keepDenial } from "./denials.ts";
import { answerPeople, type ControlParts } from "./answer-people.ts";
import { openControl, type Control } from "./control.ts";
import type { ControlAnswer } from "./control-words.ts";
import { hashStopCode, isStopCode } from "./stop-code.ts";
import { StoppedFiles } from "./stopped.ts";

const now = Date.parse("2026-11-26T12:00:00Z") as Instant;
const bytes = "ab".repeat(32) as Sha256;
const decision = (more: Partial<GateDecision> = {}): GateDecision => ({
  at: now,
  code: "abc123",
  path: "/home/a/app",
  root: "",
  sha256: bytes,
  access: "exec",
  process: { pid: 1, startedAt: 1, uid: 1000, executable: "/bin/bash" },
  allowed: false,
  action: "block",
  cause: "requirement",
  why: "nobody knows it",
  policy: 1,
  mode: "block",
  tier: "B",
  standing: "unproven",
  basis: "none",
  count: 1,
  ...more,
});

let folder: string;
let state: State;
let stopped: StoppedFiles;
let control: Control;
let called: string[];
let parts: ControlParts;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "provost-control-"));
  state = openState(join(folder, "state"));
  stopped = new StoppedFiles(state, "device");
  stopped.keep(decision());
  called = [];
  parts = {
    state,
    stopped,
    stopHash: undefined,
    now: () => now,
    status: () => ({ mode: "block", tier: "B", policy: 1, sensor: "connected", parts: [], missing: [], counters: {} }),
    request: ({ code }, reason) => void called.push(`request ${code}: ${reason}`),
    forget: (digest) => void called.push(`forget ${digest}`),
    release(id, by) {
      called.push(`release ${id} by ${by}`);
      if (id === "cmd_none") throw new AppError("NOT_FOUND", "this device has carried out no command cmd_none");
      return Promise.resolve("Undone: Quarantine /tmp/x");
    },
    stop: () => void called.push("stop"),
  };
  control = openControl(folder, (question) => answerPeople(question, parts));
  await until(() => modeOf("owner.sock") === 0o600 && modeOf("ask.sock") === 0o666);
});
afterEach(() => {
  control.close();
  state.close();
  rmSync(folder, { recursive: true });
});

const modeOf = (name: string): number => (statSync(join(folder, name), { throwIfNoEntry: false })?.mode ?? 0) & 0o777;
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
}
const say = (socket: "ask" | "owner", line: string): Promise<ControlAnswer> =>
  new Promise((resolve, reject) => {
    const peer = connect(join(folder, `${socket}.sock`));
    let text = "";
    peer.on("connect", () => peer.write(line));
    peer.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    peer.on("error", reject);
    peer.on("end", () => resolve(JSON.parse(text) as ControlAnswer));
  });
const ask = (socket: "ask" | "owner", question: object): Promise<ControlAnswer> =>
  say(socket, `${JSON.stringify(question)}\n`);

test("everybody may ask at one socket, nobody else's user at the other", () => {
  expect([modeOf("ask.sock"), modeOf("owner.sock"), statSync(folder).mode & 0o777]).toEqual([0o666, 0o600, 0o755]);
});

test("a code is explained, and a request for it is told on", async () => {
  expect(await ask("ask", { ask: "why", code: "abc123" })).toMatchObject({
    ok: true,
    decision: { path: "/home/a/app" },
  });
  expect(await ask("ask", { ask: "request", code: "abc123", reason: "needed" })).toMatchObject({ ok: true });
  expect(called).toEqual(["request abc123: needed"]);
  expect(await ask("ask", { ask: "why", code: "ffffff" })).toMatchObject({ ok: false, code: "NOT_FOUND" });
});

test("only the owner's socket approves, for exactly these bytes and so long", async () => {
  const approve = { ask: "approve", subject: "abc123", hours: 2, reason: "seen", owner: "ada" };
  expect(await ask("ask", approve)).toMatchObject({ ok: false, code: "NOT_ALLOWED" });
  expect(approvalOf(state, bytes, now)).toBeUndefined();
  expect(await ask("owner", approve)).toMatchObject({ ok: true });
  expect(approvalOf(state, bytes, now)).toMatchObject({ owner: "ada", reason: "seen", expires: now + 7_200_000 });
  expect(approvalOf(state, bytes, (now + 7_200_001) as Instant)).toBeUndefined();
  expect(called).toEqual([`forget ${bytes}`]);
});

test("what evidence speaks against is not approved", async () => {
  stopped.keep(decision({ standing: "refuted", basis: "contradicted" }));
  const approve = { ask: "approve", subject: "abc123", hours: 2, reason: "seen", owner: "ada" };
  expect(await ask("owner", approve)).toMatchObject({ ok: false, code: "NOT_ALLOWED" });
});

test("what an order of the server blocks is not approved on the device", async () => {
  keepDenial(state, bytes, "cmd_1", undefined, now);
  const approve = { ask: "approve", subject: "abc123", hours: 2, reason: "seen", owner: "ada" };
  expect(await ask("owner", approve)).toMatchObject({
    code: "NOT_ALLOWED",
    why: expect.stringContaining("cmd_1") as string,
  });
  expect(approvalOf(state, bytes, now)).toBeUndefined();
});

test("only the owner's socket undoes what an order did", async () => {
  const release = { ask: "release", command: "cmd_1", owner: "root" };
  expect(await ask("ask", release)).toMatchObject({ ok: false, code: "NOT_ALLOWED" });
  expect(await ask("owner", release)).toEqual({ ok: true, says: "Undone: Quarantine /tmp/x" });
  expect(await ask("owner", { ...release, command: "cmd_none" })).toMatchObject({ ok: false, code: "NOT_FOUND" });
  expect(called).toEqual(["release cmd_1 by root", "release cmd_none by root"]);
});

test("stopping needs the owner's code where one is set", async () => {
  parts = { ...parts, stopHash: hashStopCode("correct horse battery") };
  expect(await ask("owner", { ask: "stop", secret: "wrong" })).toMatchObject({ ok: false, code: "NOT_ALLOWED" });
  expect(await ask("owner", { ask: "stop" })).toMatchObject({ ok: false });
  expect(called).toEqual([]);
  expect(await ask("owner", { ask: "stop", secret: "correct horse battery" })).toMatchObject({ ok: true });
  expect(called).toEqual(["stop"]);
  expect(isStopCode("x", "scrypt::")).toBe(false);
});

test.each([
  ["no JSON", "{\n"],
  ["no question", '{"ask":"open the gate"}\n'],
  ["a question with more in it", '{"ask":"status","mode":"off"}\n'],
  ["a code that is none", '{"ask":"why","code":"../../etc"}\n'],
  ["a line without an end", "x".repeat(20_000)],
])("%s is answered and nothing else happens", async (_what, line) => {
  expect(await say("owner", line)).toEqual({
    ok: false,
    code: "CONFIG_INVALID",
    why: "the question is not understood",
  });
});

test("codes are short, stay, and are never shared", () => {
  const first = stopped.codeFor("11".repeat(32) as Sha256, "/a");
  expect(first).toMatch(/^[0-9a-f]{6}$/);
  stopped.keep(decision({ code: first, sha256: "22".repeat(32) as Sha256 }));
  const longer = stopped.codeFor("11".repeat(32) as Sha256, "/a");
  expect(longer.startsWith(first)).toBe(true);
  expect(longer).toHaveLength(7);
  expect(stopped.codeFor(undefined, "/unread")).not.toBe(stopped.codeFor(undefined, "/unread2"));
});

test("files that cannot be read, at one path of two containers, are two", () => {
  const { sha256: _unread, ...unread } = decision({ path: "/bin/unread" });
  for (const root of ["/srv/one", "/srv/other"]) {
    const code = stopped.codeFor(undefined, `${root}/bin/unread`);
    stopped.keep({ ...unread, root, code });
    expect(stopped.find(code)?.decision.root).toBe(root);
    expect(stopped.codeFor(undefined, `${root}/bin/unread`)).toBe(code);
  }
});
