/** What a real sensor sees arrives at a real server with digest, worth, user and parents; what does not arrive is declared. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EventQuery } from "../../shared/protocol/api.ts";
import type { Answer } from "../../shared/protocol/api.ts";
import { sqliteStore } from "../../server/store/index.ts";
import type { Store } from "../../server/store/store.ts";
import type { GatedAgent } from "../support/gated-agent.ts";
import { digest, installPrograms, runInside, startGatedAgent } from "../support/gated-agent.ts";
import type { GateRoot } from "../support/gate-root.ts";
import { cannotGate, makeGateRoot } from "../support/gate-root.ts";
import type { Sensor } from "../support/gate-sensor.ts";
import { cannotSense, endChild, startSensor } from "../support/gate-sensor.ts";
import { agentAddress } from "../support/raw-agent.ts";
import { freePort, startServerProcess } from "../support/server-process.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { openWorld, until } from "../support/server-world.ts";
import type { World } from "../support/server-world.ts";

const why = cannotGate() ?? cannotSense();
const patience = 60_000;

type EventRow = Answer<"events">["rows"][number];
const eventsOf = (store: Store, query: Record<string, unknown>): readonly EventRow[] =>
  store.events.events(EventQuery.parse(query)).rows;

function newRoot(): GateRoot {
  const root = makeGateRoot(tmpdir(), 200);
  installPrograms(root, [
    ["/bin/dash", "/usr/bin/sh"],
    ["/bin/bash", "/usr/bin/bash"],
    ["/bin/cat", "/usr/bin/cat"],
    ["/bin/true", "/usr/bin/true"],
  ]);
  fs.mkdirSync(join(root.path, "root/.aws"), { recursive: true });
  fs.mkdirSync(join(root.path, "etc/systemd/system"), { recursive: true });
  fs.writeFileSync(join(root.path, "root/.aws/credentials"), "[default]\naws_secret_access_key = a canary\n");
  return root;
}

describe.skipIf(why !== undefined)(`the stream${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
  let root: GateRoot;
  let sensor: Sensor | undefined;
  let agent: GatedAgent | undefined;
  let world: World;

  beforeAll(async () => {
    world = await openWorld({});
    root = newRoot();
    sensor = await startSensor(root, { tier: "B" });
    agent = startGatedAgent(root, sensor.socket, {
      mode: "record",
      server: agentAddress(world.address),
      name: "watched",
      token: world.token(),
    });
    await agent.heard(({ kind }) => kind === "scanned" || kind === "failed");
  });
  afterAll(async () => {
    await agent?.stop();
    if (sensor !== undefined) await endChild(sensor.child);
    root?.remove();
    await world?.close();
  });

  const arrived = (query: Record<string, unknown>): Promise<EventRow> =>
    until(() => eventsOf(world.parts.store, query)[0], JSON.stringify(query), patience);

  test("a program that runs is told with digest, worth, user and parent", async () => {
    // The first shell joined the watched group after its start: what it starts is seen whole.
    await runInside(root, '/usr/bin/bash -c "/usr/bin/true marked; true"');
    const row = await arrived({ kind: "exec", q: "true marked" });
    expect(row.process).toMatchObject({
      executable: join(root.path, "usr/bin/true"),
      command: "/usr/bin/true marked",
      user: "root",
      worth: { standing: "unproven", basis: "recorded", package: expect.stringContaining("pkg:deb/") },
    });
    expect(row.facts).toMatchObject({
      sha256: digest("sha256", join(root.path, "usr/bin/true")),
      "started by": expect.stringContaining(join(root.path, "usr/bin/bash")),
    });
  });

  test("a connection in a network of its own is told", async () => {
    const joined = 'echo $$ >&9; exec 9>&-; exec /usr/bin/bash -c "exec 3<>/dev/tcp/127.0.0.1/9"';
    const inside = `ip link set lo up; exec 9>"$0/cgroup.procs"; exec chroot "$1" /usr/bin/bash -c '${joined}'`;
    spawnSync("unshare", ["-n", "sh", "-c", inside, root.cgroup, root.path]);
    const row = await arrived({ kind: "connection", q: "127.0.0.1:9" });
    expect(row.process).toMatchObject({ executable: join(root.path, "usr/bin/bash"), worth: { basis: "recorded" } });
  });

  test("who opens a credential file is told, also in a folder that is made later", async () => {
    const reads = async (path: string): Promise<EventRow> => {
      // The agent learns of the root with its first pass, and names its homes a moment after.
      const stop = Date.now() + patience;
      for (;;) {
        await runInside(root, `cat ${path}`);
        const found = await until(
          () => eventsOf(world.parts.store, { kind: "file", q: `cat opened ${path}` })[0],
          path,
          1500,
        ).catch(() => undefined);
        if (found !== undefined || Date.now() > stop) return found ?? (await arrived({ q: `cat opened ${path}` }));
      }
    };
    const known = await reads("/root/.aws/credentials");
    expect(known.process).toMatchObject({ executable: join(root.path, "usr/bin/cat"), worth: { basis: "recorded" } });
    fs.mkdirSync(join(root.path, "root/.kube"));
    fs.writeFileSync(join(root.path, "root/.kube/config"), "a canary");
    expect((await reads("/root/.kube/config")).facts["path"]).toBe(join(root.path, "root/.kube/config"));
  });

  test("a unit that is written is told", async () => {
    await runInside(root, 'sh -c "echo [Service] > /etc/systemd/system/canary.service"');
    const row = await arrived({ kind: "file", q: "canary.service" });
    expect(row.says).toContain(join(root.path, "etc/systemd/system/canary.service"));
    expect(row.process.executable).toBe(join(root.path, "usr/bin/sh"));
  });
});

describe.skipIf(why !== undefined)("a storm while the server is killed", () => {
  let root: GateRoot;
  let sensor: Sensor | undefined;
  let agent: GatedAgent | undefined;
  let server: ServerProcess | undefined;
  let folder = "";
  afterAll(async () => {
    await agent?.stop();
    await server?.kill();
    if (sensor !== undefined) await endChild(sensor.child);
    root?.remove();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  test("what was made is what is stored and what was declared lost", async () => {
    folder = fs.mkdtempSync(join(tmpdir(), "provost-stream-"));
    const port = await freePort();
    server = await startServerProcess(folder, port);
    const { ready } = server;
    root = newRoot();
    sensor = await startSensor(root, { tier: "B" });
    agent = startGatedAgent(root, sensor.socket, {
      mode: "record",
      server: ready.agentUrl,
      name: "stormy",
      token: ready.token,
    });
    await agent.heard(({ kind }) => kind === "scanned" || kind === "failed");
    const storm = runInside(root, "i=0; while [ $i -lt 4000 ]; do /usr/bin/true; i=$((i+1)); done");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await server.kill();
    server = await startServerProcess(folder, port);
    await storm;
    await runInside(root, "/usr/bin/true the last one");
    await until(() => balance(folder).isLast, "the last event", patience);
    const { made, stored, lost } = await until(
      () => {
        const now = balance(folder);
        return now.made === now.stored + now.lost ? now : undefined;
      },
      "the declared loss, which is told every half minute",
      patience,
    ).catch(() => balance(folder));
    expect({ made, sum: stored + lost }).toEqual({ made, sum: made });
    expect(stored).toBeGreaterThan(4000);
  }, 180_000);
});

/** Events are numbered by the device as they are made. The server's own process writes meanwhile. */
function balance(folder: string): { made: number; stored: number; lost: number; isLast: boolean } {
  const store = sqliteStore(folder);
  try {
    const [device = ""] = store.inventory.deviceIds();
    const newest = eventsOf(store, { device, limit: 500 });
    const made = Math.max(0, ...newest.map(({ id }) => Number.parseInt(id.split("-").at(-1) ?? "0", 36)));
    const stored = store.events.events(EventQuery.parse({ device, limit: 1 })).total;
    const lost = store.read.device(device, new Set())?.health.lostFrames ?? 0;
    return { made, stored, lost, isLast: newest.some(({ says }) => says.includes("the last one")) };
  } finally {
    store.close();
  }
}
