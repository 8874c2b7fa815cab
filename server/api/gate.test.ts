import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Decisions, Findings, Overview, Problem, Requests } from "@provost/shared/protocol/api.ts";
import { alarmOf, decisionOf, requestOf } from "../../test/support/frames.ts";
import { agentAddress, enrolled } from "../../test/support/raw-agent.ts";
import type { RawDevice, RawSocket } from "../../test/support/raw-agent.ts";
import { openWorld } from "../../test/support/server-world.ts";
import type { World } from "../../test/support/server-world.ts";
import { newSignInLink } from "./login.ts";

let world: World;
let cookie: string;
let raw: RawSocket;
let device: RawDevice;

const now = Date.now();
const frames = [
  {
    kind: "decisions",
    items: [
      decisionOf("/opt/a", { at: now - 3000, count: 4 }),
      decisionOf("/opt/b", { at: now - 2000, allowed: true, action: "record", would: "block" }),
      decisionOf("/opt/c", { at: now - 1000, action: "hold" }),
    ],
  },
  { kind: "alarms", items: [alarmOf("tamper", { at: now - 500 }), alarmOf("lost", { at: now - 400 })] },
  requestOf("/opt/c", { at: now }),
];

beforeAll(async () => {
  world = await openWorld();
  const answer = await fetch(newSignInLink(world.parts), { redirect: "manual" });
  cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  ({ raw, device } = await enrolled(world.address, world.token()));
  raw.batch(1, frames);
  await raw.next("ack");
});
afterAll(() => world.close());

async function ask(path: string, headers: Record<string, string> = { cookie }) {
  const answer = await fetch(world.address + path, { headers });
  return { status: answer.status, body: await answer.json() };
}

describe("what a device's gate told", () => {
  test("is listed by device and for the fleet, newest first", async () => {
    for (const path of [`/api/v1/devices/${device.id}/decisions`, "/api/v1/decisions"]) {
      const { rows, total, dropped } = Decisions.parse((await ask(path)).body);
      expect([total, dropped]).toEqual([3, 0]);
      expect(rows.map(({ path: file, outcome }) => [file, outcome])).toEqual([
        ["/opt/c", "held"],
        ["/opt/b", "would"],
        ["/opt/a", "stopped"],
      ]);
    }
    for (const path of [`/api/v1/devices/${device.id}/alarms`, "/api/v1/findings"])
      expect(Findings.parse((await ask(path)).body).rows.map(({ kind }) => kind)).toEqual(["lost", "tamper"]);
    expect(Requests.parse((await ask("/api/v1/requests?waiting=true")).body)).toMatchObject({
      total: 1,
      rows: [{ path: "/opt/c", user: "kim", code: requestOf("/opt/c").code }],
    });
  });

  test("sent twice changes nothing", async () => {
    const heard = raw.heard.length;
    raw.batch(1, frames);
    await raw.next("ack", heard);
    expect(Decisions.parse((await ask("/api/v1/decisions")).body).total).toBe(3);
  });

  test("is counted on the overview and the device's page", async () => {
    const gate = { stopped: 4, held: 1, would: 1, warned: 0, findings: 2, open: 0, waiting: 1 };
    expect(Overview.parse((await ask("/api/v1/overview")).body).gate).toEqual(gate);
    expect((await ask(`/api/v1/devices/${device.id}`)).body).toMatchObject({ gate });
  });

  test("is paged by cursor", async () => {
    const first = Decisions.parse((await ask("/api/v1/decisions?limit=2")).body);
    const second = Decisions.parse((await ask(`/api/v1/decisions?limit=2&cursor=${first.next ?? ""}`)).body);
    expect([...first.rows, ...second.rows].map(({ path }) => path)).toEqual(["/opt/c", "/opt/b", "/opt/a"]);
    expect(second.next).toBeUndefined();
  });

  test.each(["decisions", "alarms"])("has no %s for a device nobody knows", async (what) => {
    const { status, body } = await ask(`/api/v1/devices/dev_nobody/${what}`);
    expect([status, Problem.parse(body).code]).toEqual([404, "NOT_FOUND"]);
  });

  test.each(["devices/x/decisions", "devices/x/alarms", "decisions", "findings", "requests"])(
    "is shown to nobody without a session: %s",
    async (path) => {
      expect((await ask(`/api/v1/${path}`, {})).status).toBe(401);
    },
  );

  test.each([
    "decisions?outcome=good",
    "decisions?digest=abc",
    `decisions?q=${"x".repeat(401)}`,
    "findings?kind=x",
    "requests?sort=who",
  ])("cannot be asked for with %s", async (path) => {
    expect((await ask(`/api/v1/${path}`)).status).toBe(400);
  });
});

describe("a frame of the gate's that is", () => {
  const many = (length: number) => Array.from({ length }, (_, n) => decisionOf(`/f${n}`));
  test.each<readonly [string, unknown]>([
    ["longer than its bound", { kind: "decisions", items: many(501) }],
    ["without a count", { kind: "decisions", items: [decisionOf("/x", { count: 0 })] }],
    ["named by too short a code", { kind: "decisions", items: [decisionOf("/x", { code: "77d04" })] }],
    ["named by no code", { kind: "decisions", items: [decisionOf("/x", { code: "'; --'" })] }],
    ["caused by a sentence", { kind: "decisions", items: [decisionOf("/x", { cause: "it was so" })] }],
    ["about a path with an escape", { kind: "decisions", items: [decisionOf("/x\u001b[2J")] }],
    ["an alarm nobody knows", { kind: "alarms", items: [alarmOf("silent" as "lost")] }],
    ["an alarm with too long a fact", { kind: "alarms", items: [alarmOf("lost", { facts: { a: "x".repeat(1001) } })] }],
    ["a request without a digest", { ...requestOf("/x"), sha256: undefined }],
  ])("%s ends the session and nothing of it is stored", async (_name, frame) => {
    const before = Decisions.parse((await ask("/api/v1/decisions")).body).total;
    const { raw: other } = await enrolled(world.address, world.token());
    other.batch(1, [frame]);
    expect(await other.ended()).toMatchObject({ code: 4002, why: expect.stringMatching(/^FRAME_REFUSED/) });
    expect(Decisions.parse((await ask("/api/v1/decisions")).body).total).toBe(before);
  });

  test("as long as its bound is stored", async () => {
    const { raw: other, device: full } = await enrolled(world.address, world.token());
    other.batch(1, [{ kind: "decisions", items: many(500) }]);
    expect(await other.next("ack")).toMatchObject({ upTo: 1 });
    expect(Decisions.parse((await ask(`/api/v1/devices/${full.id}/decisions`)).body).total).toBe(500);
  });
});

test.each([
  ["provost.v1", "provost.v1"],
  ["provost.v1,provost.v2", "provost.v2"],
])("an agent that offers %s is spoken to in %s", async (offered, spoken) => {
  const socket = new WebSocket(agentAddress(world.address), offered.split(","));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  expect(socket.protocol).toBe(spoken);
  socket.close();
});
