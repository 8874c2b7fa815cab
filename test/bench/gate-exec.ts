import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Part } from "./gate.ts";
import type { Column, Running, World } from "./gate-columns.ts";
import { fanotifyAllow, fapolicyd, nobody, provostColumns, runnable } from "./gate-columns.ts";
import type { Timed } from "./gate-programs.ts";
import { atMost, median, round } from "./result.ts";

/**
 * What is executed, and how often in one turn: a fifth of a second at most. A neighbour on the machine comes and goes within seconds, so
 * many short turns, each beside its own two without a gate, tell two hundredths apart, and few long ones do not.
 */
const targets = [
  { name: "static", program: "/usr/bin/tiny", count: 1500 },
  { name: "dynamic", program: "/usr/bin/true", count: 500 },
  // A file that somebody besides root may write stays asked about: the kernel's mark would survive a store through a mapping.
  { name: "static, a user's own", program: "/usr/bin/own", count: 600 },
] as const;

const goals: readonly (readonly [string, TargetName, number])[] = [
  ["provost block", "static", 1.03],
  ["provost block", "dynamic", 1.02],
  ["provost record, full telemetry", "static", 1.2],
  ["provost record, full telemetry", "dynamic", 1.2],
];

export const execPart: Part = async (world, { say, size }) => {
  const columns = runnable([...provostColumns, fanotifyAllow, fapolicyd], say);
  const compared = await compare(world, columns, size ?? 31, say);
  const shown = compared.map(({ column, target, ratio, ratioP10, median, p99 }) => [
    `${target}: ${column}`,
    `${ratio.toFixed(3)} (of the tenth that took least ${ratioP10.toFixed(3)}; ${median} us, p99 ${p99} us)`,
  ]);
  return {
    figures: Object.fromEntries(shown) as Record<string, string>,
    goals: goals.flatMap(([name, target, most]) =>
      compared
        .filter((one) => one.column === name && one.target === target)
        .map(({ ratio }) => ({
          ...atMost(`${name}, ${target}, second exec on`, most, ratio, "times none"),
          got: round(ratio, 3),
        })),
    ),
  };
};

export type TargetName = (typeof targets)[number]["name"];

export interface Compared {
  readonly column: string;
  readonly target: TargetName;
  /** Medians over the rounds. */
  readonly median: number;
  readonly p99: number;
  /** Median over the rounds of this column's median through the mean of the two turns without a gate around it. */
  readonly ratio: number;
  /** The same of the tenth that took least: what others at work on the machine add is hardly in it. */
  readonly ratioP10: number;
  readonly ratioP99: number;
}

/**
 * Each round runs every column once, in an order of its own, and "none" before the first and after each: what the machine does beside it
 * comes and goes, so a column is compared only with the two turns without a gate right before and after its own.
 */
export async function compare(
  world: World,
  columns: readonly Column[],
  rounds: number,
  say: (line: string) => void,
): Promise<readonly Compared[]> {
  const turns = new Map<string, Turn[]>();
  for (let round = 0; round < rounds; round += 1) {
    say(`round ${round + 1} of ${rounds}`);
    let before = await turn(world, nobody);
    for (const column of rotated(columns, round)) {
      const own = await turn(world, column).catch((cause: unknown) => {
        throw new Error(`under "${column.name}"`, { cause });
      });
      const after = await turn(world, nobody);
      for (const { name } of targets) {
        push(turns, `${column.name} ${name}`, { own: own[name], none: [before[name], after[name]] });
        push(turns, `none ${name}`, { own: after[name], none: [before[name], after[name]] });
      }
      before = after;
    }
  }
  return [nobody, ...columns].flatMap((column) =>
    targets.map(({ name }) => report(column.name, name, turns.get(`${column.name} ${name}`) ?? [])),
  );
}

interface Turn {
  readonly own: Timed;
  readonly none: readonly [Timed, Timed];
}

async function turn(world: World, column: Column): Promise<Record<TargetName, Timed>> {
  const running = await column.start(world);
  try {
    // The first execs fill what remembers: kernel's caches, the responder's table.
    for (const { program } of targets) await time(world, running, program, 50);
    const timed: Partial<Record<TargetName, Timed>> = {};
    for (const { name, program, count } of targets) timed[name] = await time(world, running, program, count);
    return timed as Record<TargetName, Timed>;
  } finally {
    await running.stop();
  }
}

/** Throws where an exec was refused or killed: then something else was measured than was meant. */
export async function time(world: World, running: Running, program: string, count: number): Promise<Timed> {
  const options = ["--cgroup", world.root.cgroup, ...running.timer, "--root", world.root.path, "--cpu", "1"];
  const { stdout } = await promisify(execFile)(world.programs.timer, [...options, "--count", String(count), program]);
  const timed = JSON.parse(stdout) as Timed;
  if (timed.refused > 0 || timed.killed > 0)
    throw new Error(`${program}: ${timed.refused} refused (${timed.error}), ${timed.killed} killed of ${timed.count}`);
  return timed;
}

const rotated = <T>(all: readonly T[], by: number): readonly T[] => {
  const at = by % all.length;
  const turned = [...all.slice(at), ...all.slice(0, at)];
  return by % 2 === 0 ? turned : turned.toReversed();
};

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function report(column: string, target: TargetName, turns: readonly Turn[]): Compared {
  const ratios = (field: "p10" | "median" | "p99"): number =>
    median(turns.map(({ own, none: [before, after] }) => own[field] / ((before[field] + after[field]) / 2)));
  return {
    column,
    target,
    median: round(median(turns.map(({ own }) => own.median))),
    p99: round(median(turns.map(({ own }) => own.p99))),
    ratio: ratios("median"),
    ratioP10: ratios("p10"),
    ratioP99: ratios("p99"),
  };
}
