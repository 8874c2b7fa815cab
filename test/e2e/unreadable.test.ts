/** A program whose bytes cannot be read to the end, or change faster than they can be hashed: each outcome of the policy for that. */
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, copyFileSync, existsSync, mkdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Sensor, type TierName, endChild, startSensor } from "../support/gate-sensor.ts";
import { type Scene, cannotTestSensor, makeScene } from "../support/sensor-scene.ts";
import { type SmallAgent, startSmallAgent } from "../support/small-agent.ts";

const cannot =
  cannotTestSensor() ??
  ["/usr/sbin/filefrag", "/usr/bin/python3"]
    .map((path) => (existsSync(path) ? undefined : `${path} is missing`))
    .find(Boolean);
if (cannot !== undefined) process.stderr.write(`skipped: programs that cannot be read: ${cannot}\n`);

const blockBytes = 4096;
const started = "good ran\n";
const refused = /not permitted|Killed/;

describe.skipIf(cannot !== undefined).each<TierName>(["C", "B"])("what cannot be read, tier %s", (tier) => {
  let scene: Scene;
  let sensor: Sensor;
  let agent: SmallAgent;
  let disk: string;

  beforeAll(() => {
    scene = makeScene(join(tmpdir(), "provost-unreadable"));
    mkdirSync(at("disk"));
    disk = join(scene.scratch, "disk");
  });
  beforeEach(async () => {
    execFileSync("truncate", ["-s", "16M", disk]);
    execFileSync("/sbin/mkfs.ext4", ["-q", "-F", "-b", String(blockBytes), disk]);
    execFileSync("mount", ["-o", "loop", disk, at("disk")]);
    // Behind what is mapped to run it.
    copyFileSync(at("good"), at("disk/program"));
    appendFileSync(at("disk/program"), Buffer.alloc(64 * blockBytes, "padding"));
    execFileSync("sync", ["-f", at("disk")]);
    sensor = await startSensor(scene, { tier });
  });
  afterEach(async () => {
    await agent.end();
    await endChild(sensor.child);
    execFileSync("umount", [at("disk")]);
    for (const path of [disk, join(scene.scratch, "sensor-state")]) rmSync(path, { recursive: true, force: true });
  });
  afterAll(() => scene.remove());

  const at = (path: string): string => join(scene.path, path);
  const agentUp = async (outcome: string, ...more: string[]): Promise<void> => {
    const shell = ["--allow", scene.allow, "--core", at("usr/bin/busybox")];
    agent = await startSmallAgent(sensor.socket, [...shell, "--outcome", `unreadable=${outcome}`, ...more]);
    await new Promise((resolve) => setTimeout(resolve, 500));
  };

  /** The disk loses the last block of the program: whoever reads it gets an error of the device. */
  const breakDisk = (): void => {
    const extents = execFileSync("/usr/sbin/filefrag", ["-e", `-b${blockBytes}`, at("disk/program")], {
      encoding: "utf8",
    });
    const last = [...extents.matchAll(/\.\.\s*\d+:\s*\d+\.\.\s*(\d+):/g)].at(-1)?.[1];
    truncateSync(disk, Number(last) * blockBytes);
    const forget = `import os; f = os.open("${at("disk/program")}", os.O_RDONLY); os.posix_fadvise(f, 0, 0, os.POSIX_FADV_DONTNEED)`;
    execFileSync("python3", ["-c", forget]);
    expect(() => execFileSync("cat", [at("disk/program")], { stdio: "pipe" })).toThrow(/Input\/output error/);
  };

  test.each([
    ["open", started],
    ["known", refused],
    ["closed", refused],
  ])("a program that the disk does not give: %s", async (outcome, expected) => {
    await agentUp(outcome);
    breakDisk();
    expect(scene.run("/disk/program")).toMatch(expected);
    await agent.hears("gate", { cause: "unreadable", allowed: outcome === "open" });
  });

  test.each([
    ["known", started],
    ["closed", refused],
  ])(
    "the same when it ran before the disk broke and the sensor has been started anew since: %s",
    async (outcome, expected) => {
      await agentUp(outcome, "--answer", "allow");
      expect(scene.run("/disk/program")).toBe(started);
      await agent.end();
      await endChild(sensor.child);
      breakDisk();
      sensor = await startSensor(scene, { tier });
      await agentUp(outcome, "--answer", "allow");
      expect(scene.run("/disk/program")).toMatch(expected);
      await agent.hears("gate", { cause: "unreadable", allowed: outcome === "known" });
    },
  );

  test("a program of the core that the disk no longer gives starts though all is closed", async () => {
    await agentUp("closed", "--core", at("disk/program"));
    breakDisk();
    expect(scene.run("/disk/program")).toBe(started);
    await agent.hears("gate", { cause: "unreadable", allowed: true });
  });

  // On tier B the kernel's own check may still end what has changed since the gate let it through.
  test.each([
    ["open", tier === "C" ? started : ""],
    ["closed", refused],
  ])("a program that changes faster than it can be hashed: %s", async (outcome, expected) => {
    await agentUp(outcome);
    // Large enough that none of the tries finds it as it was.
    copyFileSync(at("good"), at("good-large"));
    execFileSync("truncate", ["-s", "40M", at("good-large")]);
    const touches = `import os\nwhile True: os.utime("${at("good-large")}")`;
    const toucher = spawn("python3", ["-c", touches], { stdio: "ignore" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(scene.run("/good-large")).toMatch(expected);
    await endChild(toucher);
    await agent.hears("gate", { cause: "unreadable", allowed: outcome === "open" });
    rmSync(at("good-large"));
  });
});
