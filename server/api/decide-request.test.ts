import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { ActionOrder } from "@provost/shared/model/command.ts";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import { Audit, Commands, DecidedRequest, Problem, Requests } from "@provost/shared/protocol/api.ts";
import { digestOf, requestOf } from "../../test/support/frames.ts";
import { enrolled } from "../../test/support/raw-agent.ts";
import type { RawSocket } from "../../test/support/raw-agent.ts";
import { openWorld } from "../../test/support/server-world.ts";
import type { World } from "../../test/support/server-world.ts";
import { newSecret } from "../store/secret.ts";
import type { StoredSession } from "../store/store.ts";

let world: World;
let raw: RawSocket;
let device: DeviceId;
let other: DeviceId;
const sessions = new Map<string, Record<string, string>>();
let frames = 0;

beforeAll(async () => {
  world = await openWorld();
  for (const role of ["owner", "analyst", "auditor"] as const) {
    const secret = newSecret();
    const session: StoredSession = { user: role, role, csrf: newSecret(), at: 1, expires: Date.now() + 1e6 };
    world.parts.store.access.addSession(secret, session);
    sessions.set(role, { cookie: `provost_session=${secret}`, "x-csrf": session.csrf });
  }
  const first = await enrolled(world.address, world.token());
  ({ raw } = first);
  device = first.device.id as DeviceId;
  other = (await enrolled(world.address, world.token())).device.id as DeviceId;
});
afterAll(() => world.close());

let path = "";
let digest: Sha256;
let id = "";
beforeEach(async () => {
  path = `/opt/tool-${frames}`;
  digest = digestOf(path);
  await say(requestOf(path, { at: Date.now() }));
  id = (await requests("?waiting=true")).rows.find((row) => row.path === path)?.id ?? "";
});

async function say(frame: unknown): Promise<void> {
  frames += 1;
  const heard = raw.heard.length;
  raw.batch(frames, [frame]);
  await raw.next("ack", heard);
}
const ask = async (address: string, as = "owner", body?: unknown) => {
  const answer = await fetch(`${world.address}/api/v1/${address}`, {
    headers: { ...sessions.get(as), ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: await answer.json() };
};
const requests = async (query: string) => Requests.parse((await ask(`requests${query}`)).body);
const decide = (more: object = {}, as = "analyst", request = id) =>
  ask(`requests/${request}/decision`, as, {
    approve: true,
    reason: "her own build",
    scope: "device",
    hours: 24,
    ...more,
  });
const orders = async () =>
  Commands.parse((await ask("commands?sort=issuedAt")).body).rows.filter(
    ({ order }) => JSON.stringify(order).includes(digest) || order.action === "undo",
  );
const issue = (order: ActionOrder, on = device) =>
  world.parts.response.issue([on], { order, reason: "seen", by: "ada", confirmed: true })[0]?.id ?? "";
const report = (command: string, state: string) =>
  say({ kind: "report", command, state, steps: [], at: Date.now(), entry: { sequence: 1, hash: "e".repeat(64) } });
async function block(on = device): Promise<string> {
  const command = issue({ action: "block-digest", sha256: digest }, on);
  return command;
}
async function blocked(): Promise<string> {
  const command = await block();
  for (const state of ["accepted", "executed", "verified"]) await report(command, state);
  return command;
}
const audited = async () => Audit.parse((await ask("audit?limit=20")).body).rows;

describe("an approval", () => {
  test("lets these bytes run there until the hours are over, and says who decided", async () => {
    const before = Date.now();
    const { status, body } = await decide();
    const [order, ...more] = await orders();
    expect([status, DecidedRequest.parse(body).commands, more]).toEqual([200, [order?.id], []]);
    expect(order).toMatchObject({
      device,
      by: "analyst",
      reason: "her own build",
      order: { action: "allow-digest", sha256: digest, code: digest.slice(0, 6) },
    });
    const expires = (order?.order as { expires: number } | undefined)?.expires ?? 0;
    expect([expires >= before + 24 * 3_600_000, expires <= Date.now() + 24 * 3_600_000]).toEqual([true, true]);
    expect((await requests("?waiting=false")).rows.find((row) => row.id === id)?.answer).toMatchObject({
      approved: true,
      by: "analyst",
      reason: "her own build",
      scope: "device",
      commands: [order?.id],
    });
    expect((await audited()).slice(0, 2)).toMatchObject([
      {
        kind: "approval",
        by: "analyst",
        says: `Approved for 24 hours on this device: ${path}`,
        facts: { request: id, device, digest, reason: "her own build", orders: order?.id },
      },
      { kind: "command", by: "analyst", facts: { command: order?.id } },
    ]);
  });

  test("undoes first what holds these bytes back there", async () => {
    const holding = await blocked();
    await decide();
    expect((await orders()).slice(-2).map(({ order }) => order)).toMatchObject([
      { action: "undo", command: holding },
      { action: "allow-digest", sha256: digest },
    ]);
    const undone = (await orders()).filter(({ order }) => order.action === "undo" && order.command === holding);
    expect(undone).toHaveLength(1);
  });

  test("takes back an order that no device took yet", async () => {
    const waiting = await block();
    await decide();
    expect(world.parts.store.commands.one(waiting)?.state).toBe("cancelled");
    expect((await orders()).map(({ order }) => order.action)).toContain("allow-digest");
  });

  test("is not given while such an order is being carried out", async () => {
    const command = await block();
    await report(command, "accepted");
    const { status, body } = await decide();
    expect([status, Problem.parse(body).detail]).toEqual([403, expect.stringContaining(command)]);
    expect((await requests("?waiting=true")).rows.map((row) => row.id)).toContain(id);
    for (const state of ["executed", "verified"]) await report(command, state);
    expect((await decide()).status).toBe(200);
  });

  test("of two people who asked undoes what held the bytes once", async () => {
    const holding = await blocked();
    await say(requestOf(path, { at: Date.now(), uid: 0, user: "root" }));
    const second = (await requests("?waiting=true")).rows.find((row) => row.user === "root" && row.path === path);
    expect([(await decide()).status, (await decide({}, "analyst", second?.id)).status]).toEqual([200, 200]);
    const given = (await orders()).filter(({ order }) => order.action !== "undo" || order.command === holding);
    expect(given.map(({ order }) => order.action)).toEqual(["block-digest", "undo", "allow-digest", "allow-digest"]);
  });

  test("for every device is one order for each, and leaves other devices' blocks out where it is for one", async () => {
    const elsewhere = await block(other);
    await decide();
    expect(world.parts.store.commands.one(elsewhere)?.state).toBe("issued");
    await say(requestOf(path, { at: Date.now() + 1000 }));
    id = (await requests("?waiting=true")).rows.find((row) => row.path === path)?.id ?? "";
    expect((await decide({ scope: "fleet" }, "owner")).status).toBe(200);
    expect(world.parts.store.commands.one(elsewhere)?.state).toBe("cancelled");
    const allowed = (await orders()).filter(({ order, by }) => order.action === "allow-digest" && by === "owner");
    expect(allowed.map((order) => order.device).toSorted()).toEqual([device, other].toSorted());
  });

  test("is given once, however often and by whomever it is clicked", async () => {
    const holding = await blocked();
    const answers = await Promise.all([decide(), decide({}, "owner"), decide({ approve: false }), decide()]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403, 403, 403]);
    expect(Problem.parse(answers.find(({ status }) => status === 403)?.body).detail).toMatch(/answered already/);
    const given = (await orders()).filter(({ order }) => order.action !== "undo" || order.command === holding);
    expect(given.map(({ order }) => order.action)).toEqual(["block-digest", "undo", "allow-digest"]);
    expect((await audited()).filter(({ kind, facts }) => kind === "approval" && facts["request"] === id)).toHaveLength(
      1,
    );
  });

  test("is whole or not at all", async () => {
    await blocked();
    const before = await orders();
    const answer = vi.spyOn(world.parts.store.gate, "answer").mockImplementation(() => {
      throw new Error("database or disk is full");
    });
    expect((await decide()).status).toBe(500);
    answer.mockRestore();
    expect(await orders()).toEqual(before);
    expect((await audited())[0]?.kind).not.toBe("approval");
    expect((await decide()).status).toBe(200);
  });
});

test("a denial orders nothing, and is answered once", async () => {
  const holding = await blocked();
  const before = (await orders()).length;
  const { status, body } = await decide({ approve: false, reason: "not ours" });
  expect([status, body]).toEqual([200, { commands: [] }]);
  expect((await orders()).length).toBe(before);
  expect(world.parts.store.commands.one(holding)?.state).toBe("verified");
  expect((await audited())[0]).toMatchObject({
    kind: "approval",
    says: `Denied: ${path}`,
    facts: { reason: "not ours" },
  });
  expect((await decide()).status).toBe(403);
});

describe("nothing is decided", () => {
  test.each([
    ["by an auditor", "auditor", {}, 403],
    ["for every device by an analyst", "analyst", { scope: "fleet" }, 403],
    ["without a reason", "owner", { reason: "" }, 400],
    ["for ever", "owner", { hours: 24 * 90 + 1 }, 400],
    ["for no time", "owner", { hours: 0 }, 400],
    ["with a word that nobody knows", "owner", { confirmed: true }, 400],
    ["without a session", "nobody", {}, 401],
  ] as const)("%s", async (_what, as, more, status) => {
    expect((await decide(more, as)).status).toBe(status);
    expect((await requests("?waiting=true")).rows.map((row) => row.id)).toContain(id);
    expect(await orders().then((all) => all.filter(({ order }) => order.action === "allow-digest"))).toEqual([]);
  });

  test.each(["req_0", "req_999999", "fin_1", "..%2f", "req_1%20OR%201"])("about the request %s", async (request) => {
    expect((await decide({}, "owner", request)).status).toBe(404);
  });
});

describe("an auditor", () => {
  test("reads the audit and exports it", async () => {
    expect((await ask("audit", "auditor")).status).toBe(200);
    expect((await ask("audit/chain", "auditor")).status).toBe(200);
    const answer = await fetch(`${world.address}/api/v1/audit/export`, { headers: sessions.get("auditor") ?? {} });
    expect((await answer.text()).trimEnd().split("\n").at(-1)).toContain('"by":"auditor"');
  });

  test.each<[string, object]>([
    ["commands", { scope: { kind: "fleet" }, order: { action: "block-digest", sha256: "a".repeat(64) }, reason: "x" }],
    [
      "commands/preview",
      { scope: { kind: "device", device: "d" }, order: { action: "undo", command: "c" }, reason: "x" },
    ],
    ["commands/cmd_1/cancel", {}],
    ["enrolment-tokens", {}],
    ["tokens", { name: "x", scopes: [], days: 1 }],
  ])("changes nothing by %s", async (address, body) => {
    const answer = await ask(address, "auditor", body);
    expect([answer.status, Problem.parse(answer.body).code]).toEqual([403, "NOT_ALLOWED"]);
  });
});

test("what a device told of an order stands in the audit with its own audit's hash, once for each state", async () => {
  const command = await blocked();
  await report(command, "verified");
  const told = (await audited()).filter(({ facts, by }) => facts["command"] === command && by === device);
  expect(told.map(({ says }) => says)).toEqual([
    "The device told: verified",
    "The device told: executed",
    "The device told: accepted",
  ]);
  expect(told[0]?.facts).toEqual({ command, "device entry": "1", "device hash": "e".repeat(64) });
});
