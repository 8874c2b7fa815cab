import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cannotGate, type GateRoot, makeGateRoot } from "../support/gate-root.ts";
import { endChild, type Sensor, startSensor } from "../support/gate-sensor.ts";
import { startSmallAgent } from "../support/small-agent.ts";
import { buildTools, cannotCheck, outcome, tool } from "./tools.ts";

/** Tries of each race. The figure in docs/performance.md was made with 24,000. */
const tries = Number(process.env.PROVOST_RACE_TRIES ?? 600);

const cannot = cannotGate() ?? cannotCheck();
if (cannot !== undefined) process.stderr.write(`skipped: the checks in this machine's kernel: ${cannot}\n`);

describe.skipIf(cannot !== undefined)("the checks in this machine's kernel", () => {
  let root: GateRoot;
  let pins: string;

  beforeAll(() => {
    buildTools();
    root = makeGateRoot(join(tmpdir(), "provost-checks"), 64);
    pins = mkdtempSync(join(tmpdir(), "provost-pins-"));
    spawnSync("mount", ["-t", "bpf", "bpf", pins]);
  });
  afterAll(() => {
    spawnSync("umount", [pins]);
    rmSync(pins, { recursive: true });
    root.remove();
  });

  test("what they stop and let pass, pinned, taken over, refused by the kernel one by one", () => {
    const folder = join(root.path, "checks");
    mkdirSync(folder);
    copyFileSync(tool("hello"), join(folder, "hello"));
    const run = spawnSync(tool("kernel_test"), [folder, root.cgroup, join(pins, "checks")], { encoding: "utf8" });
    const { failed, last } = outcome(run.stdout.split("\n"));
    expect([failed, run.stderr]).toEqual([[], ""]);
    expect(last).toMatch(/^done \d+$/);
  });

  test("no rewrite that races an exec gets tampered code to run", async () => {
    const target = join(root.path, "target");
    copyFileSync(tool("race-target"), target);
    const allow = join(root.scratch, "allow");
    spawnSync("sh", ["-c", `sha256sum ${target} > ${allow}`]);
    const sensor: Sensor = await startSensor(root, { tier: "B", pins: join(pins, "race") });
    try {
      const agent = await startSmallAgent(sensor.socket, ["--mode", "block", "--allow", allow, "--deny", "5"]);
      for (const how of ["write", "map", "keep", "hold", "truncate", "replace"]) {
        rmSync(target);
        copyFileSync(tool("race-target"), target);
        const { stdout } = spawnSync(tool("race"), [target, String(tries), how, root.cgroup], { encoding: "utf8" });
        process.stderr.write(`race: ${stdout}`);
        expect(JSON.parse(stdout)).toMatchObject({ how, tries, tampered: 0, other: 0 });
      }
      await agent.end();
    } finally {
      await endChild(sensor.child);
    }
  });
});
