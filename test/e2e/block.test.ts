import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeviceId, Sha256 } from "../../shared/model/ids.ts";
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
const rounds = 12;

describe.skipIf(why !== undefined).each(["C", "B"] as const)(
  `a digest that the server blocks, on a device of tier %s${why === undefined ? "" : ` (skipped: ${why})`}`,
  (tier) => {
    let root: GateRoot;
    let sensor: Sensor | undefined;
    let agent: GatedAgent | undefined;
    let world: World;
    let device: DeviceId;
    let sha256: Sha256;

    const start = (): void => {
      agent = startGatedAgent(root, sensor?.socket ?? "", {
        mode: "block",
        server: agentAddress(world.address),
        name: "blocked",
        token: world.token(),
      });
    };
    const runs = async (): Promise<boolean> => (await runInside(root, "/usr/bin/true")).code === 0;
    const order = (what: Parameters<World["parts"]["response"]["issue"]>[1]["order"]): string =>
      world.parts.response.issue([device], { order: what, reason: "a test", by: "tester", confirmed: true })[0]?.id ??
      "";
    const stateOf = (id: string) => world.parts.store.commands.one(id)?.state;
    /** How long it takes until the program runs, or does not. */
    const untilRuns = async (is: boolean): Promise<number> => {
      const began = performance.now();
      while ((await runs()) !== is) expect(performance.now() - began).toBeLessThan(patience);
      return performance.now() - began;
    };

    beforeAll(async () => {
      world = await openWorld({});
      root = makeGateRoot(tmpdir(), 200);
      installPrograms(root, [
        ["/bin/dash", "/usr/bin/sh"],
        ["/bin/true", "/usr/bin/true"],
      ]);
      sha256 = digest("sha256", join(root.path, "usr/bin/true")) as Sha256;
      sensor = await startSensor(root, { tier });
      start();
      await agent?.heard(({ kind }) => kind === "scanned" || kind === "failed");
      device = world.parts.store.inventory.deviceIds()[0] as DeviceId;
    });
    afterAll(async () => {
      await agent?.stop();
      if (sensor !== undefined) await endChild(sensor.child);
      root?.remove();
      await world?.close();
    });

    test("is refused there, and runs again when the order is undone", async () => {
      const took: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        expect(await runs()).toBe(true);
        const command = order({ action: "block-digest", sha256 });
        took.push(await untilRuns(false));
        await until(() => (stateOf(command) === "verified" ? true : undefined), "the report", patience);
        order({ action: "undo", command });
        await untilRuns(true);
      }
      const sorted = took.toSorted((a, b) => a - b);
      const at = (share: number): string => (sorted[Math.ceil(rounds * share) - 1] ?? 0).toFixed(0);
      process.stderr.write(`blocked at the server to refused: median ${at(0.5)} ms, p95 ${at(0.95)} ms of ${rounds}\n`);
    });

    test("stays refused while the agent is away, and after it came back", async () => {
      const command = order({ action: "block-digest", sha256 });
      await until(() => (stateOf(command) === "verified" ? true : undefined), "the report", patience);
      agent?.child.kill("SIGKILL");
      expect([await runs(), await runs()]).toEqual([false, false]);
      start();
      await agent?.heard(({ kind }) => kind === "online");
      expect(await runs()).toBe(false);
      const stopped = await runInside(root, "/usr/bin/true");
      expect(stopped.code).not.toBe(0);
      order({ action: "undo", command });
      await untilRuns(true);
    });

    test("of an order that waited for an absent device is refused once it is back", async () => {
      await agent?.stop();
      const command = order({ action: "block-digest", sha256 });
      expect(stateOf(command)).toBe("issued");
      expect(await runs()).toBe(true);
      start();
      await until(() => (stateOf(command) === "verified" ? true : undefined), "the report", patience);
      expect(await runs()).toBe(false);
    });
  },
);
