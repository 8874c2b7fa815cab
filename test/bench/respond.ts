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
import { openScreen } from "./respond-screen.ts";
import type { Screen } from "./respond-screen.ts";
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
  const world = await openWorld({ consoleFolder: join(import.meta.dirname, "../../server/console/dist") });
  const root = makeGateRoot(tmpdir(), 200);
  const ends: (() => Promise<unknown>)[] = [];
  try {
    furnish(root);
    const sensor = await startSensor(root, { tier: "B" });
    ends.push(() => endChild(sensor.child));
    let agent: GatedAgent | undefined;
    ends.push(async () => agent?.stop());
    const screen = await openScreen(world);
    if (screen === undefined) say("no chromium on the PATH: what is on screen is not measured");
    else ends.push(() => screen.close());
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
      trees.push(await oneTree({ world, root, device: recorded, screen }, at));
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

interface Scene {
  readonly world: World;
  readonly root: GateRoot;
  readonly device: DeviceId;
  readonly screen: Screen | undefined;
}

interface Tree {
  readonly toIncident: number;
  readonly toEnd: number;
  /** Since the exec, until the queue said that something is new, and until it showed it. */
  readonly shown?: { readonly offered: number; readonly drawn: number };
  /** Where it was ended by a click: since then, until the tree had ended and until the page said so. */
  readonly fromPage?: { readonly toEnd: number; readonly told: number };
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

/** Confirmed, as a person has to for what a package owns. */
const give = (world: World, device: DeviceId, order: ActionOrder): string =>
  world.parts.response.issue([device], { order, reason: "bench", by: "bench", confirmed: true })[0]?.id ?? "";

async function oneTree(scene: Scene, at: number): Promise<Tree> {
  const { world, root, device, screen } = scene;
  await screen?.openQueue();
  const folder = join(root.path, "srv/node_modules/sim");
  fs.writeFileSync(join(folder, "source"), `#!/usr/bin/sh\necho round ${at} > /tmp/ran-${at}\nsleep 60\n`);
  fs.writeFileSync(join(folder, "hook.sh"), `cat source > /tmp/new-${at}\nchmod +x /tmp/new-${at}\n/tmp/new-${at}\n`);
  void runInside(root, "/usr/bin/npm install sim");
  await until(() => fs.existsSync(join(root.path, `tmp/ran-${at}`)), "the start");
  const started = performance.now();
  const shown = screen?.incidentDrawn(at);
  shown?.catch(() => undefined);
  await until(() => world.parts.store.incidents.incidents(IncidentQuery.parse({})).total > at, "the incident");
  const toIncident = performance.now() - started;
  const newest = world.parts.store.incidents
    .incidents(IncidentQuery.parse({ limit: 500 }))
    .rows.toSorted((a, b) => b.openedAt - a.openedAt)[0];
  const seen = await shown;
  const onScreen =
    seen === undefined ? {} : { shown: { offered: seen.offered - started, drawn: seen.drawn - started } };
  // Every second tree is ended from the page, the others by an order that is given in that moment, as automatic response does.
  if (screen !== undefined && at % 2 === 1) {
    const fromPage = await endFromPage(screen, root, newest?.id ?? "");
    return { toIncident, toEnd: fromPage.toEnd, ...onScreen, fromPage };
  }
  const plan = incidentDetail(newest?.id ?? "", world.parts.store)?.suggested ?? [];
  const kill = plan.find(({ order: one }) => (one as ActionOrder).action === "kill-process-tree");
  if (kill === undefined) throw new Error("no kill is suggested");
  const ordered = performance.now();
  give(world, device, kill.order as ActionOrder);
  await ended(root);
  return { toIncident, toEnd: performance.now() - ordered, ...onScreen };
}

async function endFromPage(screen: Screen, root: GateRoot, incident: string) {
  const click = await screen.readyToKill(incident);
  const clicked = performance.now();
  const [toEnd, told] = await Promise.all([
    ended(root).then(() => performance.now() - clicked),
    click()
      .then(() => screen.killShown())
      .then(() => performance.now() - clicked),
  ]);
  return { toEnd, told };
}

const ended = (root: GateRoot): Promise<void> =>
  until(() => fs.readFileSync(join(root.cgroup, "cgroup.procs"), "utf8") === "", "the tree's end");

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
  const byOrder = trees.flatMap(({ toEnd, fromPage }) => (fromPage === undefined ? [toEnd] : []));
  const shown = trees.flatMap(({ shown: one }) => one ?? []);
  const fromPage = trees.flatMap(({ fromPage: one }) => one ?? []);
  const drawn = shown.map((one) => one.drawn);
  const clicked = fromPage.map((one) => one.toEnd);
  return {
    name: "respond",
    figures: {
      rounds: trees.length,
      "exec to incident, median ms": round(median(incidents)),
      "exec to the queue's offer on screen, median ms": round(median(shown.map((one) => one.offered))),
      "exec to the incident's row on screen, median ms": round(median(drawn)),
      "order to the tree's end, median ms": round(median(byOrder)),
      "click in the incident to the tree's end, median ms": round(median(clicked)),
      "click in the incident to the order shown as verified, median ms": round(median(fromPage.map((one) => one.told))),
      "block to refusal, median ms": round(median(refusals)),
    },
    goals: [
      atMost("exec to incident, p95", 2000, p95(incidents), "ms"),
      ...(shown.length === 0 ? [] : [atMost("exec to the incident's row on screen, p95", 2000, p95(drawn), "ms")]),
      atMost("order to the tree's end, p95", 2000, p95(byOrder), "ms"),
      ...(fromPage.length === 0
        ? []
        : [atMost("click in the incident to the tree's end, p95", 2000, p95(clicked), "ms")]),
      atMost("block at the server to refusal, p95", 1000, p95(refusals), "ms"),
    ],
  };
}
