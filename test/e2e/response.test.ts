import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DetectionQuery, EventQuery, IncidentQuery, CommandQuery } from "../../shared/protocol/api.ts";
import { incidentDetail } from "../../server/incidents/detail.ts";
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
const patience = 60_000;

/** From a program that is dropped to an order that is carried out and undone: real sensor, real agent, real server. */
describe.skipIf(why !== undefined)(`from behaviour to an order${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
  let root: GateRoot;
  let sensor: Sensor | undefined;
  let agent: GatedAgent | undefined;
  let world: World;
  let device = "";

  beforeAll(async () => {
    world = await openWorld({});
    root = makeGateRoot(tmpdir(), 200);
    fs.writeFileSync(
      join(root.path, "usr/bin/npm"),
      "#!/bin/sh\nmkdir -p /srv/node_modules/simlib\ncd /srv/node_modules/simlib\nsh -c 'sh ./preinstall.sh'\n",
      { mode: 0o755 },
    );
    installPrograms(root, [
      ["/bin/dash", "/usr/bin/sh"],
      ["/bin/cp", "/usr/bin/cp"],
      ["/bin/cat", "/usr/bin/cat"],
      ["/bin/mkdir", "/usr/bin/mkdir"],
      ["/bin/chmod", "/usr/bin/chmod"],
      ["/bin/sleep", "/usr/bin/sleep"],
    ]);
    const folder = join(root.path, "srv/node_modules/simlib");
    fs.mkdirSync(folder, { recursive: true });
    fs.copyFileSync("/bin/sleep", join(folder, "payload"));
    fs.appendFileSync(join(folder, "payload"), "not what Debian signed");
    fs.chmodSync(join(folder, "payload"), 0o644);
    fs.writeFileSync(
      join(folder, "preinstall.sh"),
      "cat payload > /tmp/jsextension\nchmod +x /tmp/jsextension\n/tmp/jsextension 60\n",
    );
    sensor = await startSensor(root, { tier: "B" });
    agent = startGatedAgent(root, sensor.socket, {
      mode: "record",
      server: agentAddress(world.address),
      name: "watched",
      token: world.token(),
    });
    await agent.heard(({ kind }) => kind === "scanned" || kind === "failed");
    [device = ""] = world.parts.store.inventory.deviceIds();
  });
  afterAll(async () => {
    await agent?.stop();
    if (sensor !== undefined) await endChild(sensor.child);
    root?.remove();
    await world?.close();
  });

  const store = () => world.parts.store;
  const commands = () => store().commands.commands(CommandQuery.parse({})).rows;

  test("what runs there is an event with its parents, its user and what it is worth", async () => {
    void runInside(root, "/usr/bin/npm install simlib");
    const event = await until(
      () => store().events.events(EventQuery.parse({ kind: "exec", q: "jsextension" })).rows[0],
      "the event",
      patience,
    );
    expect(event.process).toMatchObject({
      executable: join(root.path, "tmp/jsextension"),
      user: "root",
      worth: { standing: "unproven", basis: "none", sha256: digest("sha256", join(root.path, "tmp/jsextension")) },
    });
    expect(event.facts["written by"]).toMatch(/\/(?:cat|sh)$/);
  });

  test("it is recognised, and one incident tells it with its terms and its tree", async () => {
    const found = await until(
      () =>
        store()
          .detections.detections(DetectionQuery.parse({}))
          .rows.find(({ rule }) => rule.id === "provost.drop-and-execute"),
      "the finding",
      patience,
    );
    expect(found).toMatchObject({ level: "critical", device });
    expect(found.sentence).toMatch(/descendant of the package manager dropped and ran .*simlib.*\/tmp\/jsextension/);
    const [row] = store().incidents.incidents(IncidentQuery.parse({})).rows;
    expect(row).toMatchObject({ severity: "critical", state: "open", device });
    const detail = incidentDetail(row?.id ?? "", store());
    expect(detail?.terms.map(({ term }) => term)).toEqual(["provenance change", "behaviour", "rarity"]);
    expect(detail?.tree.map(({ executable }) => executable)).toContain(join(root.path, "tmp/jsextension"));
    expect(detail?.suggested.map(({ order }) => (order as { action: string }).action)).toEqual([
      "kill-process-tree",
      "quarantine-file",
      "block-digest",
    ]);
  });

  test("its order is carried out, verified, told and undone", async () => {
    const [row] = store().incidents.incidents(IncidentQuery.parse({})).rows;
    const detail = incidentDetail(row?.id ?? "", store());
    const sealed = join(root.path, "tmp/jsextension");
    const before = fs.statSync(sealed);
    for (const { order } of detail?.suggested ?? [])
      world.parts.response.issue([device as never], {
        order: order as never,
        reason: "a test",
        by: "tester",
        incident: row?.id,
      });
    await until(
      () => commands().every(({ state }) => !["issued", "accepted", "executed"].includes(state)),
      "the orders' end",
      patience,
    );
    expect(commands().map(({ action, state, why: reason }) => [action, state, reason])).toEqual([
      ["block-digest", "verified", undefined],
      ["quarantine-file", "verified", undefined],
      ["kill-process-tree", "verified", undefined],
    ]);
    expect(fs.existsSync(sealed)).toBe(false);
    expect(store().incidents.one(row?.id ?? "")?.state).toBe("contained");
    expect(fs.readFileSync(join(root.cgroup, "cgroup.procs"), "utf8")).toBe("");
    const quarantine = commands().find(({ action }) => action === "quarantine-file");
    world.parts.response.issue([device as never], {
      order: { action: "undo", command: quarantine?.id ?? "" },
      reason: "it was a test",
      by: "tester",
    });
    await until(
      () => commands().find(({ id, state }) => id === quarantine?.id && state === "reverted"),
      "the undoing",
      patience,
    );
    const after = fs.statSync(sealed);
    expect([after.ino, after.mode, after.uid, after.mtimeMs]).toEqual([
      before.ino,
      before.mode,
      before.uid,
      before.mtimeMs,
    ]);
  });
});
