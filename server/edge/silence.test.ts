import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { FindingQuery } from "@provost/shared/protocol/api.ts";
import { alarmOf, lostFrame } from "../../test/support/frames.ts";
import { enrolled, resumed } from "../../test/support/raw-agent.ts";
import type { RawDevice } from "../../test/support/raw-agent.ts";
import { openWorld, until } from "../../test/support/server-world.ts";
import type { World } from "../../test/support/server-world.ts";

/** Half a minute of the product is a twentieth of a second here: what counts is which end leads to which finding. */
const quick = { silentMs: 50, graceMs: 20, lookMs: 10 };
let world: World;
afterEach(() => world.close());

const findings = (query: object = {}) => world.parts.store.gate.findings(FindingQuery.parse(query)).rows;
const open = () => findings({ open: "true" });
const gone = () => until(() => world.edge.online.size === 0, "the connection's end");

async function connected(): Promise<Awaited<ReturnType<typeof enrolled>>> {
  world = await openWorld({ edge: quick });
  return enrolled(world.address, world.token());
}

async function told(device: RawDevice, frames: readonly unknown[]) {
  const { raw, welcome } = await resumed(world.address, device);
  raw.batch(Number(welcome["acknowledged"]) + 1, frames);
  await raw.next("ack");
  return raw;
}

describe("a device whose connection", () => {
  test("breaks is silent, until it is back", async () => {
    const { raw, device } = await connected();
    raw.socket.terminate();
    const [finding] = await until(() => (open().length > 0 ? open() : undefined), "the finding");
    expect(finding).toMatchObject({
      kind: "silent",
      from: "server",
      device: device.id,
      facts: { "mode then": "record" },
    });
    await resumed(world.address, device);
    await until(() => open().length === 0, "the finding's end");
    const [ended] = findings();
    expect(ended?.endedAt).toBeGreaterThanOrEqual(ended?.at ?? Number.POSITIVE_INFINITY);
  });

  test("is refused is silent, and the reason is told", async () => {
    const { raw } = await connected();
    raw.sayBytes(new Uint8Array([1, 2, 3]));
    const [finding] = await until(() => (open().length > 0 ? open() : undefined), "the finding");
    expect(finding?.facts["how the connection ended"]).toMatch(/FRAME_REFUSED/);
  });

  test("ends in order without a word has stopped", async () => {
    const { raw } = await connected();
    raw.socket.close(1000, "stopping");
    await until(() => open().length > 0, "the finding");
    expect(open()).toMatchObject([{ kind: "stopped", from: "server" }]);
  });

  test("ends after the owner's stop was told gives no finding but that one", async () => {
    const { raw, device } = await connected();
    raw.batch(1, [{ kind: "alarms", items: [alarmOf("stopped")] }, lostFrame()]);
    await raw.next("ack");
    const heard = raw.heard.length;
    raw.batch(3, [lostFrame()]);
    await raw.next("ack", heard);
    raw.socket.close(1000, "stopping");
    await gone();
    expect(world.parts.store.gate.unreported()).toEqual([]);
    expect(findings()).toMatchObject([{ kind: "stopped", from: "device", device: device.id }]);
  });

  test("breaks after an old word of a stop, followed by other news, is silent all the same", async () => {
    const { raw, device } = await connected();
    raw.socket.close(1000, "stopping");
    await gone();
    const again = await told(device, [
      { kind: "alarms", items: [alarmOf("stopped")] },
      { kind: "alarms", items: [alarmOf("tamper")] },
    ]);
    again.socket.close(1000, "stopping");
    await gone();
    expect(world.parts.store.gate.unreported()).toMatchObject([{ device: device.id, leaving: "closed" }]);
  });
});

test("a server that starts again finds nothing about a device that comes back to it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "provost-silence-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  world = await openWorld({ folder, edge: quick });
  const { device } = await enrolled(world.address, world.token());
  expect(world.parts.store.gate.unreported()).toMatchObject([{ device: device.id }]);
  await world.close();
  world = await openWorld({ folder, edge: { ...quick, graceMs: 60_000 } });
  expect(findings()).toEqual([]);
  await resumed(world.address, device);
  expect(findings()).toEqual([]);
});

test("one device's second session does not make the first one's end a silence", async () => {
  const { device } = await connected();
  await resumed(world.address, device);
  await until(() => world.said.some((line) => line.includes("another session")), "the first session's end");
  expect(world.parts.store.gate.unreported()).toEqual([expect.not.objectContaining({ leaving: expect.anything() })]);
  expect(findings()).toEqual([]);
});
