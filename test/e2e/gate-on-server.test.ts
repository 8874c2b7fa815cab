import { execFile } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DeviceQuery, FleetDecisionQuery, FleetFindingQuery, RequestQuery } from "../../shared/protocol/api.ts";
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
const top = join(import.meta.dirname, "../..");
const patience = 60_000;

/** From a refused exec to a line at the server: real sensor, real agent, real server. */
describe.skipIf(why !== undefined)(
  `what a gate tells its server${why === undefined ? "" : ` (skipped: ${why})`}`,
  () => {
    let root: GateRoot;
    let sensor: Sensor | undefined;
    let agent: GatedAgent | undefined;
    let world: World;
    let code: string;
    let app: string;

    beforeAll(async () => {
      world = await openWorld({ edge: { silentMs: 500, lookMs: 100 } });
      root = makeGateRoot(tmpdir(), 200);
      installPrograms(root, [["/bin/dash", "/usr/bin/sh"]]);
      sensor = await startSensor(root, { tier: "C" });
      agent = startGatedAgent(root, sensor.socket, { ...settings(), token: world.token() });
      await agent.heard(({ kind }) => kind === "scanned" || kind === "failed");
    });
    afterAll(async () => {
      await agent?.stop();
      if (sensor !== undefined) await endChild(sensor.child);
      root?.remove();
      await world?.close();
    });

    const settings = () => ({ mode: "block", server: agentAddress(world.address), name: "gated" });
    const gate = () => world.parts.store.gate;
    const provost = (args: readonly string[]): Promise<string> =>
      new Promise((resolve) => {
        const command = [join(top, "agent/provost.ts"), ...args, "--state", agent?.folder ?? ""];
        const env = { ...process.env, PROVOST_CONTROL: agent?.control };
        execFile(process.execPath, ["--disable-warning=ExperimentalWarning", ...command], { env }, (_error, out, err) =>
          resolve(out + err),
        );
      });

    test("the device is there with its mode, tier and limits", async () => {
      const [id = ""] = world.parts.store.inventory.deviceIds();
      const device = await until(
        () => {
          const known = world.parts.store.read.device(id, world.edge.online);
          // Nothing is stopped before the first pass has ended: then the device tells its mode.
          return known?.facts["sensor"] === undefined || known.mode !== "block" ? undefined : known;
        },
        "the device's facts and its mode",
        patience,
      );
      expect(device).toMatchObject({ online: true, mode: "block", tier: "C" });
      expect(device.facts["sensor limits"]).toMatch(/rewritten between the check and its start/);
    });

    test("what it stops is a decision, under the code that stood on the terminal", async () => {
      app = join(root.path, "tmp/app");
      fs.copyFileSync("/bin/true", app);
      fs.appendFileSync(app, "changed");
      const { terminal } = await runInside(root, "/tmp/app");
      code = /provost why ([0-9a-f]{6})/.exec(terminal)?.[1] ?? "";
      const stopped = () => gate().decisions(FleetDecisionQuery.parse({ outcome: "stopped", q: "/tmp/app" })).rows[0];
      expect(await until(stopped, "the decision", patience)).toMatchObject({
        code,
        digest: digest("sha256", app),
        access: "exec",
        mode: "block",
        tier: "C",
        standing: "unproven",
      });
    });

    test("what is asked for waits, until it was approved there and ran", async () => {
      await provost(["request", code, "--reason", "a test of requests"]);
      const request = (waiting: boolean) =>
        gate()
          .requests(RequestQuery.parse({ waiting: String(waiting) }))
          .rows.find((row) => row.code === code);
      expect(await until(() => request(true), "the request", patience)).toMatchObject({
        reason: "a test of requests",
        digest: digest("sha256", app),
      });
      await provost(["approve", code, "--hours", "1", "--reason", "a test"]);
      await expect
        .poll(async () => (await runInside(root, "/tmp/app")).code, { timeout: patience, interval: 500 })
        .toBe(0);
      await until(() => request(false), "the answer", patience);
      expect(request(true)).toBeUndefined();
    });

    test("an agent that is killed is silent", async () => {
      const open = () => gate().findings(FleetFindingQuery.parse({ open: "true" })).rows[0];
      expect(open()).toBeUndefined();
      agent?.child.kill("SIGKILL");
      expect(await until(open, "the finding", patience)).toMatchObject({
        kind: "silent",
        facts: { "mode then": "block", "tier then": "C" },
      });
    });

    test("one that is stopped by who may stop it says so, and is not silent", async () => {
      agent = startGatedAgent(root, sensor?.socket ?? "", settings());
      const findings = (query: object) => gate().findings(FleetFindingQuery.parse(query)).rows;
      await until(
        () => findings({ open: "true" }).length === 0 && world.edge.online.size === 1,
        "its return",
        patience,
      );
      await expect.poll(() => provost(["stop"]), { timeout: patience, interval: 500 }).toMatch(/stops/);
      await until(() => world.edge.online.size === 0, "its end", patience);
      await expect.poll(() => gate().unreported(), { timeout: patience }).toEqual([]);
      expect(findings({ kind: "stopped" })).toMatchObject([{ from: "device" }]);
      const [device] = world.parts.store.read.devices(DeviceQuery.parse({}), world.edge.online).rows;
      expect(device).toMatchObject({ online: false, stopped: true });
    });
  },
);
