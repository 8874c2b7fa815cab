/** A program of the core is replaced while no agent can judge: by dpkg, which keeps the core up to date, and by others. */
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Sensor, type TierName, endChild, startSensor } from "../support/gate-sensor.ts";
import { type Scene, cannotTestSensor, makeScene } from "../support/sensor-scene.ts";
import { type SmallAgent, startSmallAgent } from "../support/small-agent.ts";

const dpkg = "/usr/bin/dpkg";
const cannot = cannotTestSensor() ?? (existsSync(dpkg) ? undefined : "there is no dpkg");
if (cannot !== undefined) process.stderr.write(`skipped: the core replaced while nobody can judge: ${cannot}\n`);

const outcomes = ["late", "overloaded", "unreadable", "agent-gone", "restarted", "unseen"];
const closed = outcomes.flatMap((name) => ["--outcome", `${name}=closed`]);
const started = "good ran\n";
const refused = /not permitted|Killed/;

describe.skipIf(cannot !== undefined).each<TierName>(["C", "B"])("the core is replaced, tier %s", (tier) => {
  let scene: Scene;
  let sensor: Sensor;
  let agent: SmallAgent;
  let versions = 0;

  beforeAll(() => {
    scene = makeScene(join(tmpdir(), "provost-core"));
    for (const root of ["", "other"]) {
      const admin = at(join(root, "var/lib/dpkg"));
      for (const folder of ["info", "updates"]) mkdirSync(join(admin, folder), { recursive: true });
      writeFileSync(join(admin, "status"), "");
    }
  });
  beforeEach(async () => {
    for (const folder of ["sbin", "elsewhere", "other/sbin"]) mkdirSync(at(folder), { recursive: true });
    copyFileSync(at("good"), at("sbin/core"));
    sensor = await startSensor(scene, { tier });
  });
  afterEach(async () => {
    await agent.end();
    await endChild(sensor.child);
    rmSync(join(scene.scratch, "sensor-state"), { recursive: true, force: true });
  });
  afterAll(() => scene.remove());

  const at = (path: string): string => join(scene.path, path);

  /** The agent names the core and the package manager, and is gone unless it is to stay without an answer. */
  const named = async (...how: string[]): Promise<void> => {
    const core = ["sbin/core", "usr/bin/busybox"].flatMap((path) => ["--core", at(path)]);
    const all = ["--allow", scene.allow, ...closed, ...core, "--package-manager", dpkg, ...how];
    agent = await startSmallAgent(sensor.socket, all);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(scene.run("/sbin/core")).toBe(started);
    if (how.length === 0) await agent.end();
  };

  /** Installs a package with a new state of the program at this path. */
  const upgrade = (path = "sbin/core", root = scene.path): void => {
    versions += 1;
    const tree = join(scene.scratch, `package-${versions}`);
    mkdirSync(join(tree, "DEBIAN"), { recursive: true });
    mkdirSync(join(tree, path, ".."), { recursive: true });
    const control = [
      `Package: core-${path.replaceAll("/", "-")}`,
      `Version: ${versions}`,
      "Architecture: all",
      "Maintainer: Nobody <nobody@example.org>",
    ];
    writeFileSync(join(tree, "DEBIAN/control"), [...control, "Description: core", ""].join("\n"));
    copyFileSync(at("good"), join(tree, path));
    appendFileSync(join(tree, path), `version ${versions}`);
    execFileSync("dpkg-deb", ["--build", "--root-owner-group", tree, `${tree}.deb`]);
    execFileSync(dpkg, [`--root=${root}`, "--unpack", `${tree}.deb`], {
      env: { ...process.env, DPKG_FRONTEND_LOCKED: "1" },
    });
  };

  test("dpkg replaces it: it starts, and once more after the next upgrade", async () => {
    await named();
    upgrade();
    expect(scene.run("/sbin/core")).toBe(started);
    upgrade();
    expect(scene.run("/sbin/core; /sbin/core")).toBe(started + started);
  });

  test.each([
    ["late", ["--answer", "never", "--deadline", "300"]],
    ["overloaded", ["--answer", "never", "--deadline", "6000"]],
  ])("dpkg replaces it while the agent does not answer: %s", async (cause, how) => {
    // What ran already is asked about no more: only the new state is.
    await named(...how);
    upgrade();
    const crowd = "i=0; while [ $i -lt 1100 ]; do /bad 2> /dev/null & i=$((i+1)); done; sleep 1; ";
    expect(scene.run(`${cause === "overloaded" ? crowd : ""}/sbin/core`)).toBe(started);
  });

  const moves: readonly (readonly [string, () => void])[] = [
    [
      "another program writes it",
      () => scene.runFree("cp /good /sbin/core.new; echo 1 >> /sbin/core.new; mv /sbin/core.new /sbin/core"),
    ],
    ["a shell of the core writes it", () => scene.runFree("cat /good > /sbin/core; echo 2 >> /sbin/core")],
    [
      "dpkg writes it, somebody else changes it",
      () => {
        upgrade();
        appendFileSync(at("sbin/core"), "3");
      },
    ],
    [
      "dpkg writes it, somebody else cuts it",
      () => {
        upgrade();
        execFileSync("python3", [
          "-c",
          `import os; os.truncate("${at("sbin/core")}", os.path.getsize("${at("sbin/core")}") - 1)`,
        ]);
      },
    ],
    [
      "dpkg writes another file, somebody else moves it there",
      () => {
        upgrade("elsewhere/core");
        scene.runFree("mv /elsewhere/core /sbin/core");
      },
    ],
    [
      "dpkg writes another file, somebody else links it there",
      () => {
        upgrade("elsewhere/core");
        scene.runFree("rm /sbin/core; ln /elsewhere/core /sbin/core");
      },
    ],
    [
      "dpkg writes another file, whose folder is moved there",
      () => {
        upgrade("elsewhere/core");
        scene.runFree("mv /sbin /old; mv /elsewhere /sbin");
      },
    ],
    [
      "dpkg writes another file, which is mounted there",
      () => {
        upgrade("elsewhere/core");
        scene.runFree("mount -o bind /elsewhere/core /sbin/core");
      },
    ],
    [
      "dpkg writes another root's, whose folder is mounted there",
      () => {
        upgrade("sbin/core", at("other"));
        scene.runFree("mount -o bind /other/sbin /sbin");
      },
    ],
  ];
  test.each(moves)("%s: it does not start", async (_, move) => {
    await named();
    try {
      move();
      expect(existsSync(at("sbin/core"))).toBe(true);
      expect(scene.run("/sbin/core")).toMatch(refused);
    } finally {
      spawnSync("umount", [at("sbin/core")]);
      spawnSync("umount", [at("sbin")]);
      for (const folder of ["sbin", "old", "elsewhere"]) rmSync(at(folder), { recursive: true, force: true });
    }
  });

  test("what dpkg puts into another root starts there no more than before", async () => {
    await named();
    upgrade("sbin/core", at("other"));
    expect(scene.run("/other/sbin/core")).toMatch(refused);
  });
});
