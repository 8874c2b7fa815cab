import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Part } from "./gate.ts";
import { cannotRun, startProvost } from "./gate-agent.ts";
import type { World } from "./gate-columns.ts";
import type { Timed } from "./gate-programs.ts";
import { pause } from "./product.ts";
import { below, round } from "./result.ts";

export const awayPart: Part = async (world, { say }) => {
  const cannot = cannotRun();
  if (cannot !== undefined) {
    say(`without an agent that is away: ${cannot}`);
    return { figures: {}, goals: [] };
  }
  // However well this machine runs, some exec waits for it: what the gate adds can only be told beside that.
  const alone = await startedMeanwhile(world, () => pause(8000));
  const rows: [string, Timed][] = [];
  for (const tier of ["B", "C"] as const)
    for (const mishap of Object.keys(mishaps) as Mishap[]) {
      const provost = await startProvost(world, tier, "block");
      try {
        rows.push([`agent ${mishap}, tier ${tier}`, await startedMeanwhile(world, () => mishaps[mishap](provost.pid))]);
      } finally {
        await provost.stop();
      }
    }
  const shown = ({ slowest, slowestAt, p99 }: Timed): string =>
    `${round(slowest / 1000, 2)} ms, ${slowestAt.toFixed(2)} s after the first (p99 ${round(p99 / 1000, 2)} ms)`;
  return {
    figures: Object.fromEntries(
      [["no gate", alone] as const, ...rows].map(([name, timed]) => [`slowest exec: ${name}`, shown(timed)]),
    ),
    goals: rows.map(([name, { slowest }]) =>
      below(`${name}: slowest exec of a known program`, 10, slowest / 1000, "ms"),
    ),
  };
};

/** What befalls the agent while programs are started. */
export const mishaps = {
  "event loop blocked for 2 s": async (pid: number): Promise<void> => {
    process.kill(pid, "SIGSTOP");
    await pause(2000);
    process.kill(pid, "SIGCONT");
  },
  stopped: async (pid: number): Promise<void> => {
    process.kill(pid, "SIGSTOP");
    await pause(8000);
  },
  killed: async (pid: number): Promise<void> => {
    process.kill(pid, "SIGKILL");
    await pause(6000);
  },
} as const;

export type Mishap = keyof typeof mishaps;

/** Known programs are started all the while; gives the slowest of them. */
export async function startedMeanwhile(world: World, happens: () => Promise<void>): Promise<Timed> {
  const place = ["--cgroup", world.root.cgroup, "--root", world.root.path];
  const program = "/usr/bin/tiny";
  // Known: the sensor was started anew and has asked about nothing yet.
  await promisify(execFile)(world.programs.timer, [...place, "--count", "5", program]);
  const what = ["--seconds", "9", "--paced", "300", program];
  const timing = promisify(execFile)(world.programs.timer, [...place, ...what], { timeout: 60_000 });
  await pause(500);
  await happens();
  const timed = JSON.parse((await timing).stdout) as Timed;
  if (timed.refused + timed.killed > 0)
    throw new Error(`execs of a known program: ${timed.refused} refused (${timed.error}), ${timed.killed} killed`);
  return timed;
}
