/** An order to collect: real daemon, real server, the bytes in a person's hands. */
import { fork, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { hash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import { CommandQuery } from "@provost/shared/protocol/api.ts";
import { auditEntries } from "../../agent/audit/append.ts";
import { openState } from "../../agent/state/state.ts";
import { newSignInLink } from "../../server/api/login.ts";
import { agentAddress } from "../support/raw-agent.ts";
import { endChild } from "../support/gate-sensor.ts";
import { openWorld, until } from "../support/server-world.ts";
import type { World } from "../support/server-world.ts";

const top = join(import.meta.dirname, "../..");
const scratch = mkdtempSync(join(tmpdir(), "provost-triage-e2e-"));
const folder = join(scratch, "agent");
let world: World;
let agent: ChildProcess;
let device: DeviceId;
let cookie = "";

/** The daemon from its source. It walks over nothing: what it collects is of /proc. */
async function startAgent(): Promise<void> {
  agent = fork(join(top, "agent/main.ts"), [], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  agent.send({
    folder,
    excluded: readdirSync("/").map((name) => `/${name}`),
    server: agentAddress(world.address),
    name: "looked-at",
    token: world.token(),
  });
  [device] = (await until(
    () => {
      const ids = world.parts.store.inventory.deviceIds();
      return ids.length === 1 && world.edge.online.has(ids[0] ?? "") ? ids : undefined;
    },
    "the device",
    30_000,
  )) as [DeviceId];
}

beforeAll(async () => {
  world = await openWorld({});
  await startAgent();
  const signed = await fetch(newSignInLink(world.parts), { redirect: "manual" });
  cookie = (signed.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
});
afterAll(async () => {
  await endChild(agent);
  await world.close();
  rmSync(scratch, { recursive: true, force: true });
});

const order = (more: object = {}): string =>
  world.parts.response.issue([device], {
    order: { action: "collect-triage", ...more },
    reason: "a test",
    by: "tester",
  })[0]?.id ?? "";
const rowOf = (id: string) =>
  world.parts.store.commands.commands(CommandQuery.parse({})).rows.find((row) => row.id === id);
const audited = () => {
  const { audit } = world.parts.store;
  return [...audit.entries(audit.stretch(0, Number.MAX_SAFE_INTEGER))];
};
const verified = (id: string) => until(() => rowOf(id)?.state === "verified" && rowOf(id), "the bundle", 60_000);
const ask = (id: string, headers: Record<string, string> = { cookie }) =>
  fetch(`${world.address}/api/v1/triage/${id}`, { headers });

test("what a device collected is kept under its digest, told at both ends, and handed out to people only", async () => {
  const began = performance.now();
  const id = order({ process: { pid: process.pid, startedAt: "1" }, executable: process.execPath });
  const row = await verified(id);
  process.stdout.write(
    `a triage bundle took ${Math.round(performance.now() - began)} ms, ${row.bundle?.bytes} bytes\n`,
  );
  const { sha256 = "", bytes } = row.bundle ?? {};
  expect(row.steps).toMatchObject([
    { step: "collect-triage", state: "verified", says: expect.stringContaining(sha256) as string },
  ]);
  expect([row.canUndo, row.says]).toEqual([
    false,
    `Collect a triage bundle around ${process.execPath} (${process.pid})`,
  ]);
  const answer = await ask(id);
  const packed = Buffer.from(await answer.arrayBuffer());
  expect([answer.status, packed.length, hash("sha256", packed, "hex")]).toEqual([200, bytes, sha256]);
  expect(answer.headers.get("content-disposition")).toContain(`provost-triage-${device}-`);
  // The number is another's: it began at another time.
  expect(JSON.parse(gunzipSync(packed).toString())).toMatchObject({
    command: id,
    device,
    about: { pid: process.pid, runs: false },
  });
  expect((await ask(id, {})).status).toBe(401);
  expect((await ask("cmd_none")).status).toBe(404);
  const atServer = audited().filter(({ facts }) => facts["sha256"] === sha256);
  expect(atServer.map(({ says }) => says)).toEqual([
    `A triage bundle of ${bytes} bytes is kept`,
    "Took the triage bundle",
  ]);
  const state = openState(folder);
  const onDevice = auditEntries(state).filter(({ facts }) => facts["sha256"] === sha256);
  state.close();
  expect(onDevice.map(({ says }) => says.split(":")[0])).toEqual(["executed", "verified"]);
});

test("a daemon that is killed while it looks goes on after its start, and the bundle comes once", async () => {
  const id = order();
  await until(() => rowOf(id)?.state === "accepted", "that it was taken", 30_000);
  agent.kill("SIGKILL");
  await once(agent, "exit");
  await startAgent();
  await verified(id);
  const kept = audited().filter(({ facts, says }) => facts["command"] === id && says.startsWith("A triage bundle"));
  expect(kept.length).toBe(1);
});

test("provost-server writes it into a new file and never over one", async () => {
  const id = order();
  const row = await verified(id);
  const file = join(scratch, "bundle.json.gz");
  const run = (...words: readonly string[]) =>
    spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", join(top, "server/main.ts"), ...words], {
      env: { ...process.env, PROVOST_CONFIG: "", PROVOST_SERVER_STATE: world.folder },
      encoding: "utf8",
    });
  expect(run("triage", id, file)).toMatchObject({ status: 0, stdout: `${file} ${row.bundle?.sha256}\n` });
  expect(hash("sha256", readFileSync(file), "hex")).toBe(row.bundle?.sha256);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(run("triage", id, file)).toMatchObject({ status: 1, stderr: expect.stringContaining("EEXIST") as string });
  expect(run("triage", "cmd_none", `${file}2`)).toMatchObject({ status: 1 });
  expect(run("triage")).toMatchObject({ status: 2 });
});
