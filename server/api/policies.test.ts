import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import { PolicyDetail, PolicyList, Problem, PublishedNumber, Rehearsal } from "@provost/shared/protocol/api.ts";
import { enrolled } from "../../test/support/raw-agent.ts";
import type { RawSocket } from "../../test/support/raw-agent.ts";
import { openWorld } from "../../test/support/server-world.ts";
import type { World } from "../../test/support/server-world.ts";
import { newSecret } from "../store/secret.ts";
import type { StoredSession } from "../store/store.ts";

let world: World;
let raw: RawSocket;
let device: DeviceId;
const sessions = new Map<string, Record<string, string>>();

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
});
afterAll(() => world.close());

const ask = async (address: string, body?: unknown, as = "owner") => {
  const answer = await fetch(`${world.address}/api/v1/${address}`, {
    headers: { ...sessions.get(as), ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: await answer.json() };
};
const yaml = (number: number): string =>
  `number: ${number}\nmode: enforce\nrequire: [{name: signed, standing: [signed]}]\ngate: {mode: record, rings: [{group: canary, mode: block}]}\n`;
const publish = (number: number, as = "owner") =>
  ask("policies", { yaml: yaml(number), why: "a test", seenStopped: 0 }, as);

describe("policies over HTTP", () => {
  test("are rehearsed, published, listed and shown as their schemas say, and sent to who is there", async () => {
    expect(PolicyList.strict().parse((await ask("policies")).body)).toMatchObject({
      published: [],
      sources: { server: 0, file: 0, builtIn: 1 },
    });
    const rehearsed = Rehearsal.strict().parse((await ask("policies/rehearsal", { yaml: yaml(4) })).body);
    expect(rehearsed).toMatchObject({ ok: true, executions: 0, stoppedFiles: 0 });
    expect(PublishedNumber.parse((await publish(4)).body)).toEqual({ number: 4 });
    const sent = await raw.next("policy");
    expect(JSON.parse(String(sent["body"]))).toMatchObject({ issue: 1, yaml: yaml(4), steppedBack: [], by: "owner" });
    raw.batch(1, [
      {
        kind: "device",
        name: "alpha",
        os: "Linux",
        kernel: "6",
        arch: "amd64",
        mode: "block",
        tier: "B",
        groups: ["canary"],
        policy: { number: 4, from: "server", issue: 1 },
        facts: {},
      },
    ]);
    await raw.next("ack");
    expect(PolicyDetail.strict().parse((await ask("policies/4")).body)).toMatchObject({
      number: 4,
      current: true,
      devices: 1,
      rings: [
        { group: "canary", mode: "block", now: "block", devices: 1 },
        { group: "", mode: "record", now: "record", devices: 0 },
      ],
    });
    expect((await ask("policies")).body).toMatchObject({
      sources: { server: 1, file: 0, builtIn: 0 },
      groups: [{ group: "canary", devices: 1, modes: ["block"] }],
    });
    expect((await ask(`devices/${device}`)).body).toMatchObject({
      facts: { groups: "canary", policy: "4, from the server" },
    });
  });

  test.each(["9", "0", "-1", "x", "4.0", "99999999999999999999"])("there is no policy %j", async (number) => {
    expect((await ask(`policies/${number}`)).status).toBe(404);
  });

  test("who joins later is sent the newest only", async () => {
    await ask("policies/rehearsal", { yaml: yaml(5) });
    expect((await publish(5)).status).toBe(200);
    const late = await enrolled(world.address, world.token());
    const sent = await late.raw.next("policy");
    expect(JSON.parse(String(sent["body"]))).toMatchObject({ issue: 2, yaml: yaml(5) });
    expect(late.raw.heard.filter(({ kind }) => kind === "policy")).toHaveLength(1);
  });

  test.each(["analyst", "auditor"])("are not published, nor a ring turned on, by an %s", async (role) => {
    expect((await ask("policies/rehearsal", { yaml: yaml(6) }, role)).status).toBe(200);
    const refused = await publish(6, role);
    expect([refused.status, Problem.parse(refused.body).code]).toEqual([403, "NOT_ALLOWED"]);
    expect((await ask("policies/rings", { group: "canary", why: "x" }, role)).status).toBe(403);
    expect((await ask("policies/rings", { group: "canary", why: "x" })).status).toBe(404);
  });

  test.each([
    ["no reason", { yaml: yaml(7), why: "", seenStopped: 0 }],
    ["no count", { yaml: yaml(7), why: "x" }],
    ["more than it may say", { yaml: yaml(7), why: "x", seenStopped: 0, force: true }],
    ["too long a text", { yaml: "x".repeat(600 * 1024), why: "x", seenStopped: 0 }],
  ])("with %s are refused", async (_what, body) => {
    const refused = await ask("policies", body);
    expect([refused.status, Problem.parse(refused.body).code]).toEqual([400, "CONFIG_INVALID"]);
  });
});
