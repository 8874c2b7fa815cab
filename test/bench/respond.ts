import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { ActionOrder } from "../../shared/model/command.ts";
import type { DeviceId, Sha256 } from "../../shared/model/ids.ts";
import { IncidentQuery } from "../../shared/protocol/api.ts";
import { incidentDetail } from "../../server/incidents/detail.ts";
import type { GatedAgent } from "../support/gated-agent.ts";
import { digest, installPrograms, runInside, startGatedAgent } from "../support/gated-agent.ts";
import type { GateRoot } from "../support/gate-root.ts";
import { cannotGate, makeGateRoot } from "../support/gate-root.ts";
import { cannotSense, endChild, startSensor } from "../support/gate-sensor.ts";
import { agentAddress } from "../support/raw-agent.ts";
import { openWorld } from "../support/server-world.ts";
import type { World } from "../support/server-world.ts";
import type { Options, Result } from "./result.ts";
import { atMost, median, round } from "./result.ts";

const defaultRounds = 30;
const lookMs = 2;
const patienceMs = 30_000;

/**
 * The real sensor (tier B), agent and server around a disposable root. Each round an "installation" drops bytes nobody has met and starts
 * them; the clock begins when they write their first word, which is after the exec. An order is given in the moment the incident is
 * stored, as automatic response does.
 */
export async function run({ say, size = defaultRounds }: Options): Promise<Result> {
  const why = cannotGate() ?? cannotSense();
  if (why !== undefined) throw new Error(`this bench needs the sensor: ${why}`);
  const world = await openWorld({});
  const root = makeGateRoot(tmpdir(), 200);
  const ends: (() => Promise<unknown>)[] = [];
  try {
    furnish(root);
    const sensor = await startSensor(root, { tier: "B" });
    ends.push(() => endChild(sensor.child));
    let agent: GatedAgent | undefined;
    ends.push(async () => agent?.stop());
    const begin = async (mode: "record" | "block"): Promise<DeviceId> => {
      await agent?.stop();
      agent = startGatedAgent(root, sensor.socket, {
        mode,
        server: agentAddress(world.address),
        name: "bench",
        token: world.token(),
      });
      await agent.heard(({ kind }) => kind === "scanned" || kind === "failed");
      const [device] = world.parts.store.inventory.deviceIds();
      if (device === undefined) throw new Error("the agent did not enrol");
      await until(() => world.edge.online.size === 1, "the agent's session");
      return device;
    };
    // In *block* what is dropped would not start; in *record* nothing is refused.
    const recorded = await begin("record");
    const trees: Tree[] = [];
    for (let at = 0; at < size; at += 1) {
      if (at % 10 === 0) say(`incident ${at + 1} of ${size}`);
      trees.push(await oneTree(world, root, recorded, at));
    }
    const blocking = await begin("block");
    const refused: number[] = [];
    for (let at = 0; at < size; at += 1) {
      if (at % 10 === 0) say(`block ${at + 1} of ${size}`);
      refused.push(await oneBlock(world, root, blocking));
    }
    return result(trees, refused);
  } finally {
    for (const end of ends.toReversed()) await end();
    root.remove();
    await world.close();
  }
}

interface Tree {
  readonly toIncident: number;
  readonly toEnd: number;
}

function furnish(root: GateRoot): void {
  installPrograms(
    root,
    ["dash", "cat", "chmod", "mkdir", "sleep", "true"].map((name) => [
      `/bin/${name}`,
      `/usr/bin/${name === "dash" ? "sh" : name}`,
    ]),
  );
  fs.writeFileSync(
    join(root.path, "usr/bin/npm"),
    "#!/bin/sh\nmkdir -p /srv/node_modules/sim\ncd /srv/node_modules/sim\nsh -c 'sh ./hook.sh'\n",
    { mode: 0o755 },
  );
  fs.mkdirSync(join(root.path, "srv/node_modules/sim"), { recursive: true });
}

const give = (world: World, device: DeviceId, order: ActionOrder): string =>
  world.parts.response.issue([device], { order, reason: "bench", by: "bench" })[0]?.id ?? "";

async function oneTree(world: World, root: GateRoot, device: DeviceId, at: number): Promise<Tree> {
  const folder = join(root.path, "srv/node_modules/sim");
  fs.writeFileSync(join(folder, "source"), `#!/usr/bin/sh\necho round ${at} > /tmp/ran-${at}\nsleep 60\n`);
  fs.writeFileSync(join(folder, "hook.sh"), `cat source > /tmp/new-${at}\nchmod +x /tmp/new-${at}\n/tmp/new-${at}\n`);
  void runInside(root, "/usr/bin/npm install sim");
  await until(() => fs.existsSync(join(root.path, `tmp/ran-${at}`)), "the start");
  const started = performance.now();
  await until(() => world.parts.store.incidents.incidents(IncidentQuery.parse({})).total > at, "the incident");
  const toIncident = performance.now() - started;
  const newest = world.parts.store.incidents
    .incidents(IncidentQuery.parse({ limit: 500 }))
    .rows.toSorted((a, b) => b.openedAt - a.openedAt)[0];
  const plan = incidentDetail(newest?.id ?? "", world.parts.store)?.suggested ?? [];
  const kill = plan.find(({ order: one }) => (one as ActionOrder).action === "kill-process-tree");
  if (kill === undefined) throw new Error("no kill is suggested");
  const ordered = performance.now();
  give(world, device, kill.order as ActionOrder);
  await until(() => fs.readFileSync(join(root.cgroup, "cgroup.procs"), "utf8") === "", "the tree's end");
  return { toIncident, toEnd: performance.now() - ordered };
}

async function oneBlock(world: World, root: GateRoot, device: DeviceId): Promise<number> {
  const runs = async (): Promise<boolean> => (await runInside(root, "/usr/bin/true")).code === 0;
  const verified = (id: string) => (): boolean => world.parts.store.commands.one(id)?.state === "verified";
  if (!(await runs())) throw new Error("the program does not run before it is blocked");
  const sha256 = digest("sha256", join(root.path, "usr/bin/true")) as Sha256;
  const blocked = performance.now();
  const command = give(world, device, { action: "block-digest", sha256 });
  while (await runs()) if (performance.now() - blocked > patienceMs) throw new Error("what is blocked runs on");
  const took = performance.now() - blocked;
  await until(verified(command), "the block's report");
  give(world, device, { action: "undo", command });
  for (const end = performance.now() + patienceMs; !(await runs());)
    if (performance.now() > end) throw new Error("what was blocked does not run again");
  return took;
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + patienceMs; !holds(); await pause(lookMs))
    if (performance.now() > end) throw new Error(`${what} does not come`);
}

function result(trees: readonly Tree[], refusals: readonly number[]): Result {
  const p95 = (values: readonly number[]): number =>
    values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? Number.NaN;
  const incidents = trees.map(({ toIncident }) => toIncident);
  const ends = trees.map(({ toEnd }) => toEnd);
  return {
    name: "respond",
    figures: {
      rounds: trees.length,
      "exec to incident, median ms": round(median(incidents)),
      "order to the tree's end, median ms": round(median(ends)),
      "block to refusal, median ms": round(median(refusals)),
    },
    goals: [
      atMost("exec to incident, p95", 2000, p95(incidents), "ms"),
      atMost("order to the tree's end, p95", 2000, p95(ends), "ms"),
      atMost("block at the server to refusal, p95", 1000, p95(refusals), "ms"),
    ],
  };
}
