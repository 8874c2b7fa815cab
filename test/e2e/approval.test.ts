import { execFile } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newSignInLink } from "../../server/api/login.ts";
import type { ChainedEntry } from "../../shared/lib/chain.ts";
import type { DeviceId, Sha256 } from "../../shared/model/ids.ts";
import { AuditQuery, CommandQuery, RequestQuery } from "../../shared/protocol/api.ts";
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
const patience = 20_000;

/** From a stopped program to its answer and the proof of who gave it: real sensor, real agent, real server, real command line. */
describe.skipIf(why !== undefined).each(["C", "B"] as const)(
  `what a person at a device of tier %s asks for${why === undefined ? "" : ` (skipped: ${why})`}`,
  (tier) => {
    let root: GateRoot;
    let sensor: Sensor | undefined;
    let agent: GatedAgent | undefined;
    let world: World;
    let device: DeviceId;
    let headers: Record<string, string>;

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
      sensor = await startSensor(root, { tier });
      agent = startGatedAgent(root, sensor.socket, {
        mode: "block",
        server: agentAddress(world.address),
        name: "asking",
        token: world.token(),
      });
      await agent.heard(({ kind }) => kind === "scanned" || kind === "failed");
      device = world.parts.store.inventory.deviceIds()[0] as DeviceId;
    });
    afterAll(async () => {
      await agent?.stop();
      if (sensor !== undefined) await endChild(sensor.child);
      root?.remove();
      await world?.close();
    });

    const provost = (...words: readonly string[]): Promise<{ readonly code: number; readonly out: string }> =>
      new Promise((resolve) => {
        const command = [join(top, "agent/provost.ts"), ...words, "--state", agent?.folder ?? ""];
        const env = { ...process.env, PROVOST_CONTROL: agent?.control };
        execFile(process.execPath, ["--disable-warning=ExperimentalWarning", ...command], { env }, (error, out, err) =>
          resolve({ code: typeof error?.code === "number" ? error.code : 0, out: out + err }),
        );
      });
    const runs = async (path: string): Promise<boolean> => (await runInside(root, path)).code === 0;
    /** How long it takes until it runs. */
    async function untilRuns(path: string, began = performance.now()): Promise<number> {
      while (!(await runs(path))) expect(performance.now() - began).toBeLessThan(patience);
      return performance.now() - began;
    }
    /** A program that nothing claims, stopped and asked for. */
    async function asked(
      name: string,
    ): Promise<{ readonly path: string; readonly sha256: Sha256; readonly id: string }> {
      const file = join(root.path, "tmp", name);
      fs.copyFileSync("/bin/true", file);
      fs.appendFileSync(file, name);
      const { terminal } = await runInside(root, `/tmp/${name}`);
      const code = /provost request ([0-9a-f]{6,12})/.exec(terminal)?.[1] ?? "";
      expect(await provost("request", code, "--reason", `for ${name}`)).toMatchObject({ code: 0 });
      const request = await until(
        () =>
          world.parts.store.gate
            .requests(RequestQuery.parse({ waiting: "true" }))
            .rows.find(({ reason }) => reason === `for ${name}`),
        "the request at the server",
        patience,
      );
      const sha256 = digest("sha256", file) as Sha256;
      expect([request.code, request.digest, request.device]).toEqual([code, sha256, device]);
      return { path: `/tmp/${name}`, sha256, id: request.id };
    }
    const decide = (id: string, approve: boolean): Promise<Response> =>
      fetch(`${world.address}/api/v1/requests/${id}/decision`, {
        method: "POST",
        headers,
        body: JSON.stringify({ approve, reason: "her own build", scope: "device", hours: 1 }),
      });
    const order = (what: Parameters<World["parts"]["response"]["issue"]>[1]["order"]): string =>
      world.parts.response.issue([device], { order: what, reason: "a test", by: "tester", confirmed: true })[0]?.id ??
      "";
    const ended = (id: string, state: string): Promise<true> =>
      until(() => world.parts.store.commands.one(id)?.state === state || undefined, `${id} ${state}`, patience);

    test("runs within two seconds of its approval, once however often that is clicked", async () => {
      const { path, id, sha256 } = await asked("own-build");
      const began = performance.now();
      const clicks = await Promise.all([decide(id, true), decide(id, true), decide(id, true)]);
      expect(clicks.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403, 403]);
      expect(await untilRuns(path, began)).toBeLessThan(2000);
      const orders = world.parts.store.commands
        .commands(CommandQuery.parse({ device }))
        .rows.filter((row) => JSON.stringify(row.order).includes(sha256));
      expect(orders.map(({ action, by }) => [action, by])).toEqual([["allow-digest", "owner"]]);
      await until(
        () =>
          world.parts.store.gate.requests(RequestQuery.parse({})).rows.find((row) => row.id === id)?.allowedAt ??
          undefined,
        "that it ran",
        patience,
      );
    });

    test("does not run by another's approval: other bytes at the same path stay stopped", async () => {
      const { path, id } = await asked("changes");
      expect((await decide(id, true)).status).toBe(200);
      await untilRuns(path);
      fs.appendFileSync(join(root.path, path), "and something else");
      expect(await runs(path)).toBe(false);
    });

    test("stays stopped when it is denied", async () => {
      const { path, id } = await asked("not-ours");
      expect(await (await decide(id, false)).json()).toEqual({ commands: [] });
      expect(await runs(path)).toBe(false);
    });

    test("runs again though an order blocked it and another sealed it away", async () => {
      const { path, id, sha256 } = await asked("sealed");
      const blocked = order({ action: "block-digest", sha256 });
      await ended(blocked, "verified");
      const sealed = order({ action: "quarantine-file", root: root.path, path, sha256 });
      await ended(sealed, "verified");
      const file = join(root.path, path);
      expect([fs.existsSync(file), await runs(path)]).toEqual([false, false]);
      const began = performance.now();
      expect((await decide(id, true)).status).toBe(200);
      expect(await untilRuns(path, began)).toBeLessThan(2000);
      expect(digest("sha256", file)).toBe(sha256);
      await Promise.all([ended(blocked, "reverted"), ended(sealed, "reverted")]);
    });

    test("and what came of it is proven by the server's export, offline, on the device", async () => {
      const answer = await fetch(`${world.address}/api/v1/audit/export`, { headers });
      const bytes = Buffer.from(await answer.arrayBuffer());
      const file = join(root.scratch, "provost-audit.ndjson");
      fs.writeFileSync(file, bytes);
      const whole = await provost("audit", "verify", file);
      expect([whole.code, whole.out]).toEqual([
        0,
        expect.stringMatching(/unbroken\.[^]*signed by this device's server/),
      ]);
      const at = bytes.indexOf("her own build");
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      fs.writeFileSync(file, bytes);
      const broken = await provost("audit", "verify", file, "--json");
      const line = bytes.subarray(0, at).filter((byte) => byte === 10).length + 1;
      expect([broken.code, JSON.parse(broken.out)]).toEqual([1, expect.objectContaining({ unbroken: false, line })]);
    });

    test("the server holds the hash of the device's own entry for each state it told", async () => {
      const own = (await provost("audit", "export")).out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as ChainedEntry);
      const hashes = new Map(own.map(({ sequence, hash }) => [String(sequence), hash]));
      const { rows } = world.parts.store.audit.audit(AuditQuery.parse({ q: device, kind: "command", limit: "500" }));
      const told = rows.filter(({ by }) => by === device);
      expect(told.length).toBeGreaterThan(10);
      expect(told.map(({ facts }) => facts["device hash"])).toEqual(
        told.map(({ facts }) => hashes.get(facts["device entry"] ?? "")),
      );
      expect(told.every(({ facts }) => facts["device hash"] !== undefined)).toBe(true);
    });
  },
);
