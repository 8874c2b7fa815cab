import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { modes, startCounting } from "../support/counting-agent.ts";
import type { TierName } from "../support/gate-sensor.ts";
import { cannotSense, endChild, startSensor } from "../support/gate-sensor.ts";
import type { Part } from "./gate.ts";
import type { World } from "./gate-columns.ts";
import { atMost } from "./result.ts";

/** How the file is rewritten while it is started: with write, or through a shared mapping. */
const ways = ["write", "mmap"] as const;
type Way = (typeof ways)[number];

interface Raced {
  readonly tries: number;
  readonly good: number;
  /** Tampered code ran. */
  readonly tampered: number;
  readonly refused: number;
  readonly busy: number;
  readonly killed: number;
  readonly other: number;
}

const triesEach = 12_000;

export const racePart: Part = async (world, { say }) => {
  const cannot = cannotSense();
  if (cannot !== undefined) {
    say(`without races: ${cannot}`);
    return { figures: {}, goals: [] };
  }
  const figures: Record<string, string> = {};
  const tampered: Record<string, number> = {};
  for (const tier of ["B", "C"] as const)
    for (const way of ways) {
      const raced = await race(world, tier, way, triesEach);
      const { tries, good, refused, busy, killed, other } = raced;
      figures[`race: tier ${tier}, ${way}: tampered code ran`] =
        `${raced.tampered} of ${tries} (good ${good}, refused ${refused}, busy ${busy}, killed ${killed}, other ${other})`;
      tampered[tier] = (tampered[tier] ?? 0) + raced.tampered;
    }
  return {
    figures,
    goals: [
      atMost(
        `race: tampered code ran on tier B of ${triesEach * ways.length} tries`,
        0,
        tampered["B"] ?? Number.NaN,
        "times",
      ),
    ],
  };
};

/** One good program whose one byte flips to another program and back, while it is started again and again. */
export async function race(world: World, tier: TierName, way: Way, tries: number): Promise<Raced> {
  const folder = join(world.root.path, "race");
  const sensor = await startSensor(world.root, { tier });
  try {
    mkdirSync(folder);
    copyFileSync(world.programs.flip, join(folder, "flip"));
    copyFileSync(world.programs.racer, join(folder, "racer"));
    // Good bytes and the racer are all that the agent ever says yes to.
    const digests = [world.programs.flip, world.programs.racer].map((path) => sha256(path));
    const agent = await startCounting(world.programs.counting, sensor, { mode: modes.block }, digests);
    const place = ["--cgroup", world.root.cgroup, "--root", world.root.path];
    const { stdout } = await promisify(execFile)(world.programs.racer, [...place, "/race/flip", String(tries), way], {
      timeout: 300_000,
    });
    await agent.finish();
    return JSON.parse(stdout) as Raced;
  } finally {
    await endChild(sensor.child);
    rmSync(folder, { recursive: true, force: true });
  }
}

const sha256 = (path: string): string => execFileSync("sha256sum", [path], { encoding: "utf8" }).slice(0, 64);
