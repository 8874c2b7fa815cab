import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newSignInLink } from "../../server/api/login.ts";
import type { DeviceId } from "../../shared/model/ids.ts";
import type { Answer } from "../../shared/protocol/api.ts";
import { agentAddress } from "../support/raw-agent.ts";
import type { GatedAgent } from "../support/gated-agent.ts";
import { digest, installPrograms, runInside, startGatedAgent } from "../support/gated-agent.ts";
import type { GateRoot } from "../support/gate-root.ts";
import { cannotGate, makeGateRoot } from "../support/gate-root.ts";
import type { Sensor } from "../support/gate-sensor.ts";
import { cannotSense, endChild, startSensor } from "../support/gate-sensor.ts";
import { openWorld, until } from "../support/server-world.ts";
import type { World } from "../support/server-world.ts";

const why = cannotGate() ?? cannotSense();
const patience = 20_000;

/** From a draft to a file that is sealed away, and back by one click: real sensor, real agent, real server, its HTTP API. */
describe.skipIf(why !== undefined).each(["C", "B"] as const)(
  `a policy of the server's on a device of tier %s${why === undefined ? "" : ` (skipped: ${why})`}`,
  (tier) => {
    let root: GateRoot;
    let sensor: Sensor | undefined;
    let agent: GatedAgent | undefined;
    let world: World;
    let device: DeviceId;
    let headers: Record<string, string>;

    const start = (token?: string): void => {
      agent = startGatedAgent(root, sensor?.socket ?? "", {
        mode: "record",
        groups: ["workstations"],
        server: agentAddress(world.address),
        name: "ruled",
        ...(token === undefined ? {} : { token }),
      });
    };

    beforeAll(async () => {
      world = await openWorld({});
      const answer = await fetch(newSignInLink(world.parts), { redirect: "manual" });
      const cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
      const session = await fetch(`${world.address}/api/v1/session`, { headers: { cookie } });
      const { csrf } = (await session.json()) as { csrf: string };
      headers = { cookie, "x-csrf": csrf, "content-type": "application/json" };
      root = makeGateRoot(tmpdir(), 200);
      installPrograms(root, [
        ["/bin/dash", "/usr/bin/sh"],
        ["/bin/true", "/usr/bin/true"],
      ]);
      program("from-before");
      sensor = await startSensor(root, { tier });
      start(world.token());
      await agent?.heard(({ kind }) => kind === "scanned" || kind === "failed");
      device = world.parts.store.inventory.deviceIds()[0] as DeviceId;
    });
    afterAll(async () => {
      await agent?.stop();
      if (sensor !== undefined) await endChild(sensor.child);
      root?.remove();
      await world?.close();
    });

    /** Something that nothing claims; each name has its own bytes. */
    function program(name: string): string {
      const file = join(root.path, "tmp", name);
      fs.mkdirSync(join(root.path, "tmp"), { recursive: true });
      fs.copyFileSync("/bin/true", file);
      fs.appendFileSync(file, name);
      return file;
    }
    const runs = async (path: string): Promise<boolean> => (await runInside(root, path)).code === 0;
    const post = (path: string, body: unknown): Promise<Response> =>
      fetch(`${world.address}/api/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const rules = (number: number, mode: string, files = 5): string =>
      [
        `number: ${number}`,
        "mode: enforce",
        "require:",
        "  - {name: something claims it, standing: [proven, signed, unproven], basis: [publisher, recorded, pinned, generated], otherwise: {unproven: block}}",
        `gate: {mode: record, rings: [{group: workstations, mode: ${mode}}], stepBack: {files: ${files}, minutes: 10}}`,
        "",
      ].join("\n");
    async function publish(yaml: string): Promise<Answer<"rehearsePolicy">> {
      const rehearsed = (await (await post("policies/rehearsal", { yaml })).json()) as Answer<"rehearsePolicy">;
      const published = await post("policies", { yaml, why: "a test", seenStopped: rehearsed.stoppedFiles });
      expect([published.status, await published.text()]).toEqual([200, expect.stringContaining("number")]);
      return rehearsed;
    }
    const gate = () => world.parts.store.policies.gate(device);
    const ruled = (number: number, mode: string): Promise<true> =>
      until(
        () => (gate()?.policy?.number === number && gate()?.mode === mode) || undefined,
        `policy ${number} in mode ${mode}; now ${JSON.stringify(gate())}`,
        patience,
      );
    const untilRuns = async (path: string, began = performance.now()): Promise<number> => {
      while (!(await runs(path))) expect(performance.now() - began).toBeLessThan(patience);
      return performance.now() - began;
    };

    test("is rehearsed over what ran here, and says what it would have stopped before it stops anything", async () => {
      expect([await runs("/tmp/from-before"), await runs("/usr/bin/true")]).toEqual([true, true]);
      const ran = (name: string): boolean =>
        [...world.parts.store.events.since(0, 1000)].some((one) => one.actor.executable.endsWith(name));
      await until(() => (ran("from-before") && ran("bin/true")) || undefined, "what ran", patience);
      const rehearsed = await publish(rules(1, "quarantine"));
      expect(rehearsed.stopped.map(({ path, devices }) => [path.replace(root.path, ""), devices])).toContainEqual([
        "/tmp/from-before",
        1,
      ]);
      expect(rehearsed.counts["allow"]).toBeGreaterThan(0);
      await ruled(1, "quarantine");
    });

    test("blocks what lay there before and leaves it where it is", async () => {
      expect(await runs("/tmp/from-before")).toBe(false);
      expect(fs.existsSync(join(root.path, "tmp/from-before"))).toBe(true);
      expect(await runs("/usr/bin/true")).toBe(true);
    });

    test("seals a new file away that it does not want; its approval puts it back and lets it run within two seconds", async () => {
      const file = program("dropped");
      const sha256 = digest("sha256", file);
      const { terminal, code } = await runInside(root, "/tmp/dropped");
      expect(code).not.toBe(0);
      expect(terminal).toMatch(/Stopped: [^]*seal it away[^]*provost request ([0-9a-f]{6,12})/);
      await until(() => !fs.existsSync(file) || undefined, "the file is gone", patience);
      const sealed = await until(
        () => world.parts.store.commands.holding(sha256 as never).find(({ state }) => state === "verified"),
        "the order's proof",
        patience,
      );
      const [incident] = world.parts.store.incidents.incidents({ limit: 10, sort: "-lastAt" }).rows;
      expect(world.parts.store.commands.one(sealed.id)?.command).toMatchObject({
        by: "policy 1",
        incident: incident?.id,
      });
      expect(incident?.sentence).toContain("is being sealed away");
      const asked = /provost request ([0-9a-f]{6,12})/.exec(terminal)?.[1] ?? "";
      world.parts.store.gate.putRequest(
        device,
        {
          kind: "request",
          code: asked,
          sha256: sha256 as never,
          path: "/tmp/dropped",
          root: root.path,
          uid: 0,
          user: "root",
          reason: "mine",
          at: Date.now(),
        },
        Date.now(),
      );
      const [request] = world.parts.store.gate.requests({ limit: 10, sort: "-at" }).rows;
      const began = performance.now();
      const decided = await post(`requests/${request?.id}/decision`, {
        approve: true,
        reason: "her own build",
        scope: "device",
        hours: 1,
      });
      expect(decided.status).toBe(200);
      expect(await untilRuns("/tmp/dropped", began)).toBeLessThan(2000);
      expect(digest("sha256", file)).toBe(sha256);
    });

    test("still rules when the agent is started again", async () => {
      await agent?.stop();
      start();
      await agent?.heard(({ kind }) => kind === "online");
      expect(await runs("/tmp/from-before")).toBe(false);
      program("dropped-again");
      expect(await runs("/tmp/dropped-again")).toBe(false);
    });

    test("steps back by itself where it stops too much, says so in the queue, and is turned on again by a person", async () => {
      for (let count = 0; count < 8; count += 1) {
        program(`flood-${count}`);
        await runInside(root, `/tmp/flood-${count}`);
      }
      await ruled(1, "warn");
      program("after-flood");
      expect(await runs("/tmp/after-flood")).toBe(true);
      const titles = world.parts.store.incidents
        .incidents({ limit: 20, sort: "-lastAt" })
        .rows.map((row) => row.sentence);
      expect(titles).toContainEqual(expect.stringMatching(/^Ring workstations stepped back from quarantine to warn/));
      expect((await post("policies/rings", { group: "workstations", why: "looked at" })).status).toBe(200);
      await ruled(1, "quarantine");
      expect(await runs("/tmp/from-before")).toBe(false);
    });

    test("whose words cannot be read is never published, and one that only records lets everything run again", async () => {
      const bad = await post("policies/rehearsal", {
        yaml: "number: 2\nmode: record\nrequire: [{name: a, standing: [signed]}]\ngate: {mode: block}\n",
      });
      expect(await bad.json()).toMatchObject({
        ok: false,
        why: expect.stringContaining("gate.mode: block stops programs"),
      });
      expect((await post("policies", { yaml: "number: 2", why: "x", seenStopped: 0 })).status).toBe(400);
      await publish(rules(2, "record"));
      await ruled(2, "record");
      expect(await runs("/tmp/from-before")).toBe(true);
    });
  },
);
