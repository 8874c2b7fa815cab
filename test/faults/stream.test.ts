import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DaemonMessage } from "../../agent/main.ts";
import { sqliteStore } from "../../server/store/index.ts";
import type { LinkOrder, LinkReport } from "../support/link-agent.ts";
import { ended, freePort, startServerProcess } from "../support/server-process.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { until } from "../support/server-world.ts";

let scratch: string;
let port: number;
const children: ChildProcess[] = [];
beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), "provost-faults-"));
  port = await freePort();
});
afterEach(async () => {
  for (const child of children.splice(0)) await ended(child, "SIGKILL");
  rmSync(scratch, { recursive: true, force: true });
});

const at = (name: string): string => join(scratch, name);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function openServer(folder = at("server")): Promise<ServerProcess> {
  const server = await startServerProcess(folder, port);
  children.push(server.child);
  return server;
}

function openAgent(token: string, total: number, slowly = 0): { child: ChildProcess; said: LinkReport[] } {
  const program = fileURLToPath(new URL("../support/link-agent.ts", import.meta.url));
  const child = fork(program, [], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  children.push(child);
  const said: LinkReport[] = [];
  child.on("message", (report: LinkReport) => said.push(report));
  child.send({
    folder: at("agent"),
    url: `ws://127.0.0.1:${port}/agent`,
    token,
    total,
    pause: slowly,
  } satisfies LinkOrder);
  return { child, said };
}

/** What the server's disk holds, read when no server runs. */
function stored(folder = at("server")) {
  const store = sqliteStore(folder);
  try {
    const [device] = store.inventory.deviceIds();
    const paths: string[] = [];
    for (let cursor: string | undefined, more = true; more;) {
      const page = store.read.executables({ limit: 500, sort: "path", ...(cursor === undefined ? {} : { cursor }) });
      paths.push(...page.rows.map(({ path }) => path));
      cursor = page.next;
      more = cursor !== undefined;
    }
    const lost = device === undefined ? 0 : (store.read.device(device, new Set())?.health.lostFrames ?? 0);
    return {
      devices: store.inventory.deviceIds().length,
      paths,
      lost,
      epoch: device === undefined ? "" : store.inventory.device(device)?.epoch,
    };
  } finally {
    store.close();
  }
}

const written = (said: readonly LinkReport[]) => said.some(({ kind }) => kind === "written");
/** Everything is written and nothing is left to tell. */
const allTold = (said: readonly LinkReport[]) =>
  until(
    () =>
      written(said) &&
      said.findLast(({ kind }) => kind === "drained" || kind === "lost")?.kind === "drained" &&
      said.findLast(({ kind }) => kind === "drained"),
    "the empty spool",
    100_000,
  );
const expected = (total: number) => Array.from({ length: total }, (_, n) => `/made/file-${String(n).padStart(6, "0")}`);

test("a server that is killed again and again in the middle of the stream stores everything exactly once", async () => {
  const total = 1500;
  let server = await openServer();
  const { said } = openAgent(server.ready.token, total, 2);
  let opened = 0;
  for (let life = 0; life < 5; life += 1) {
    await until(() => said.filter(({ kind }) => kind === "opened").length > opened, "the agent's return", 60_000);
    opened = said.filter(({ kind }) => kind === "opened").length;
    await pause(150 + life * 90);
    await server.kill();
    server = await openServer();
  }
  await allTold(said);
  await server.stop();
  const { paths, lost, devices } = stored();
  expect(paths).toEqual(expected(total));
  // Each file was told beside a count of one: more would be a frame stored twice, fewer one that was lost.
  expect({ lost, devices }).toEqual({ lost: total, devices: 1 });
});

test("an agent that is killed again and again tells everything exactly once", async () => {
  const total = 600;
  const server = await openServer();
  const token = server.ready.token;
  for (let life = 0; life < 4; life += 1) {
    const { child } = openAgent(token, total, 3);
    await pause(700);
    await ended(child, "SIGKILL");
  }
  const { said } = openAgent(token, total, 0);
  await allTold(said);
  await server.stop();
  const { paths, lost, devices } = stored();
  expect(paths).toEqual(expected(total));
  expect({ lost, devices }).toEqual({ lost: total, devices: 1 });
});

test("a server that was set back to an older copy is told everything again, in a new epoch", async () => {
  const first = await openServer();
  const before = openAgent(first.ready.token, 50);
  await allTold(before.said);
  await ended(before.child, "SIGKILL");
  await first.stop();
  const { epoch } = stored();
  cpSync(at("server"), at("copy"), { recursive: true });

  const second = await openServer();
  const agent = openAgent(first.ready.token, 120);
  await allTold(agent.said);
  await second.kill();
  rmSync(at("server"), { recursive: true });
  cpSync(at("copy"), at("server"), { recursive: true });
  agent.said.length = 0;
  const third = await openServer();
  await until(
    () => agent.said.some((report) => report.kind === "lost" && /do not agree/.test(report.why)),
    "the agent's notice",
    60_000,
  );
  await until(
    () => agent.said.findLast(({ kind }) => kind !== "opened")?.kind === "drained",
    "everything again",
    60_000,
  );
  await third.stop();
  const after = stored();
  expect(after.paths).toEqual(expected(120));
  expect(after.epoch).not.toBe(epoch);
  expect(after.devices).toBe(1);
});

test("an agent that was set back to an older copy begins a new epoch and nothing stays twice or stale", async () => {
  const server = await openServer();
  const before = openAgent(server.ready.token, 40);
  await allTold(before.said);
  await ended(before.child, "SIGKILL");
  cpSync(at("agent"), at("agent-copy"), { recursive: true });
  const later = openAgent(server.ready.token, 90);
  await allTold(later.said);
  await ended(later.child, "SIGKILL");
  rmSync(at("agent"), { recursive: true });
  cpSync(at("agent-copy"), at("agent"), { recursive: true });
  const again = openAgent(server.ready.token, 45);
  await allTold(again.said);
  await until(
    () => again.said.findLast(({ kind }) => kind !== "opened")?.kind === "drained",
    "everything again",
    60_000,
  );
  await pause(1500);
  await server.stop();
  expect(stored().paths).toEqual(expected(45));
});

test("a server with another key gets nothing: the agent says so, keeps its spool, and goes on when the right one is back", async () => {
  const right = await openServer();
  const agent = openAgent(right.ready.token, 400, 20);
  await until(() => agent.said.some(({ kind }) => kind === "opened"), "the session", 30_000);
  await pause(500);
  await right.kill();
  const wrong = await openServer(at("impostor"));
  const refused = await until(
    () => agent.said.find((report) => report.kind === "lost" && report.final),
    "the refusal",
    60_000,
  );
  expect(refused).toMatchObject({ why: expect.stringMatching(/^SERVER_NOT_TRUSTED/) });
  await until(() => written(agent.said), "all files", 30_000);
  const last = agent.said.findLast(({ kind }) => kind === "written");
  expect(last?.kind === "written" ? last.spooled : 0).toBeGreaterThan(100);
  await wrong.stop();
  expect(stored(at("impostor"))).toMatchObject({ devices: 0, paths: [] });
  const back = await openServer();
  await allTold(agent.said);
  await back.stop();
  const { paths, lost } = stored();
  expect(paths).toEqual(expected(400));
  expect(lost).toBe(400);
});

test("a server that cannot have its port says so and ends", async () => {
  const server = await openServer();
  await expect(startServerProcess(at("second"), port)).rejects.toThrow(/PORT_IN_USE/);
  await server.stop();
});

describe("the whole agent", () => {
  test("what it saw on this machine is what the server holds, though the server was killed while it scanned", async () => {
    let server = await openServer();
    const program = fileURLToPath(new URL("../../agent/main.ts", import.meta.url));
    const child = fork(program, [], {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    children.push(child);
    const said: DaemonMessage[] = [];
    child.on("message", (message: DaemonMessage) => said.push(message));
    // One folder of programs is enough here: all others are left out.
    const excluded = [
      ...readdirSync("/")
        .filter((name) => name !== "usr")
        .map((name) => `/${name}`),
      ...readdirSync("/usr")
        .filter((name) => name !== "bin")
        .map((name) => `/usr/${name}`),
    ];
    child.send({ folder: at("agent"), server: server.agentUrl, token: server.ready.token, excluded, name: hostname() });
    await until(() => said.some(({ kind }) => kind === "online"), "the session", 60_000);
    for (let life = 0; life < 3; life += 1) {
      await pause(700);
      await server.kill();
      server = await openServer();
    }
    await until(() => said.some(({ kind }) => kind === "scanned"), "the pass", 150_000);
    // The watch goes on and tells what runs: so the agent is stopped first, and its last words are what counts.
    await until(
      () =>
        said.findLast(({ kind }) => kind === "drained" || kind === "scanned" || kind === "offline")?.kind === "drained",
      "the empty spool",
      60_000,
    );
    child.disconnect();
    await ended(child, "SIGTERM");
    await server.stop();
    const state = new Database(join(at("agent"), "agent.sqlite"), { readonly: true });
    const told = state
      .prepare<[], { path: string }>("SELECT root || path AS path FROM files")
      .all()
      .map(({ path }) => path)
      .toSorted();
    const waiting = state.prepare<[], { n: number }>("SELECT count(*) AS n FROM spool WHERE kind = 'files'").get()?.n;
    state.close();
    expect(waiting).toBe(0);
    expect(told.length).toBeGreaterThan(100);
    const store = sqliteStore(at("server"));
    const held: string[] = [];
    for (let cursor: string | undefined, more = true; more;) {
      const page = store.read.executables({ limit: 500, sort: "path", ...(cursor === undefined ? {} : { cursor }) });
      held.push(...page.rows.map(({ root, path }) => root + path));
      cursor = page.next;
      more = cursor !== undefined;
    }
    store.close();
    expect(held.toSorted()).toEqual(told);
  });
});
