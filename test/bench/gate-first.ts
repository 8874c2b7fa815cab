import { execFile, execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { filesBelow, recordPackage } from "../support/gated-agent.ts";
import type { Part } from "./gate.ts";
import { cannotRun, startProvost } from "./gate-agent.ts";
import type { World } from "./gate-columns.ts";
import type { Timed } from "./gate-programs.ts";
import { pause } from "./product.ts";
import { atMost, median, round } from "./result.ts";

const fileBytes = 1024 * 1024;
const filesPerRound = 250;
const rounds = 4;

/**
 * Programs of 1 MB that the sensor has never met, each executed once. Those that a package records are hashed, asked about and run; those
 * that nobody knows are hashed, asked about and refused.
 */
export const firstPart: Part = async (world, { say }) => {
  const cannot = cannotRun();
  if (cannot !== undefined) {
    say(`without first execs: ${cannot}`);
    return { figures: {}, goals: [] };
  }
  const folder = join(world.root.path, "usr/first");
  const unknown = join(world.root.path, "unknown");
  try {
    for (let turn = 0; turn <= rounds; turn += 1) makePrograms(world, join(folder, String(turn)));
    recordPackage(world.root, "first", filesBelow(folder));
    const hashing = hashingTime(world);
    const { median: none } = await inTurn(world, `/usr/first/${rounds}`);
    const provost = await startProvost(world, "B", "block");
    try {
      // The agent has still to tell of what its first pass found.
      await pause(5000);
      const allowed: Timed[] = [];
      for (let turn = 0; turn < rounds; turn += 1) allowed.push(await inTurn(world, `/usr/first/${turn}`));
      const refused: Timed[] = [];
      for (let turn = 0; turn < rounds; turn += 1) {
        makePrograms(world, join(unknown, String(turn)));
        refused.push(await inTurn(world, `/unknown/${turn}`));
      }
      check(allowed, 0);
      check(refused, filesPerRound);
      const beyond = (timed: readonly Timed[]): readonly number[] =>
        timed.map(({ p99 }) => (p99 - none - hashing) / 1000);
      const shown = (timed: readonly Timed[]): string =>
        `${round(median(timed.map((one) => one.median)))} us, p99 ${round(median(timed.map(({ p99 }) => p99)))} us, slowest ${round(Math.max(...timed.map(({ slowest }) => slowest)))} us`;
      return {
        figures: {
          "first exec of 1 MB: without a gate, median, us": round(none),
          "first exec of 1 MB: hashing alone, us": round(hashing),
          "first exec of 1 MB: recorded by a package, runs": shown(allowed),
          "first exec of 1 MB: known to nobody, refused": shown(refused),
          "first exec of 1 MB: p99 beyond hashing, each round, ms": [...beyond(allowed), ...beyond(refused)]
            .map((value) => value.toFixed(2))
            .join(", "),
        },
        goals: [
          atMost("first exec of 1 MB that runs, p99 beyond hashing", 5, median(beyond(allowed)), "ms"),
          atMost("first exec of 1 MB that is refused, p99 beyond hashing", 5, median(beyond(refused)), "ms"),
        ],
      };
    } finally {
      await provost.stop();
    }
  } finally {
    for (const made of [folder, unknown]) rmSync(made, { recursive: true, force: true });
  }
};

function check(timed: readonly Timed[], wanted: number): void {
  for (const { refused, killed, count } of timed)
    if (refused !== wanted || killed > 0)
      throw new Error(`of ${count} first execs ${refused} were refused and ${killed} killed, not ${wanted} and 0`);
}

/** What stands behind the last section is part of the file and of its digest, and is never mapped. */
export function makePrograms(world: World, folder: string): void {
  const program = readFileSync(world.programs.tiny);
  mkdirSync(folder, { recursive: true });
  for (let number = 0; number < filesPerRound; number += 1)
    writeFileSync(join(folder, `program${number}`), Buffer.concat([program, randomBytes(fileBytes - program.length)]), {
      mode: 0o755,
    });
  // Else the disk takes them while they are timed.
  execFileSync("sync", ["-f", folder]);
}

export async function inTurn(world: World, folder: string): Promise<Timed> {
  const place = ["--cgroup", world.root.cgroup, "--root", world.root.path, "--cpu", "1"];
  const what = ["--count", String(filesPerRound), "--numbered", `${folder}/program`];
  const { stdout } = await promisify(execFile)(world.programs.timer, [...place, ...what]);
  return JSON.parse(stdout) as Timed;
}

/** SHA-256 of one such file with a warm cache, read as the sensor reads: in pieces. */
function hashingTime(world: World): number {
  const path = join(world.root.scratch, "to-hash");
  writeFileSync(path, randomBytes(fileBytes));
  const piece = Buffer.alloc(65_536);
  const took: number[] = [];
  for (let turn = 0; turn < 51; turn += 1) {
    const started = performance.now();
    const fd = openSync(path, "r");
    const hash = createHash("sha256");
    for (let bytes = readSync(fd, piece); bytes > 0; bytes = readSync(fd, piece)) hash.update(piece.subarray(0, bytes));
    hash.digest();
    closeSync(fd);
    took.push((performance.now() - started) * 1000);
  }
  rmSync(path);
  return median(took);
}
