import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import type { Counts } from "../support/counting-agent.ts";
import { modes, recordTypes, startCounting } from "../support/counting-agent.ts";
import { endChild, startSensor } from "../support/gate-sensor.ts";
import type { Part } from "./gate.ts";
import { cannotRun, startProvost } from "./gate-agent.ts";
import type { World } from "./gate-columns.ts";
import type { Timed } from "./gate-programs.ts";
import { pause } from "./product.ts";
import { atMost, below, round } from "./result.ts";

const seconds = 8;

export const stormPart: Part = async (world, { say }) => {
  const cannot = cannotRun();
  if (cannot !== undefined) {
    say(`without a storm: ${cannot}`);
    return { figures: {}, goals: [] };
  }
  const { counted, odd } = await countedStorm(world);
  for (const why of odd) say(why);
  const { seen, counters, restMb } = await wholeStorm(world);
  const undelivered = (counters["events"] ?? Number.NaN) - (counters["delivered"] ?? 0) - (counters["lost"] ?? 0);
  return {
    figures: {
      "storm: execs a second": Math.round(seen.perSecond),
      "storm: records": counters["events"] ?? Number.NaN,
      "storm: declared lost": counters["lost"] ?? Number.NaN,
      "storm: sensor, largest RSS, MB": round(seen.sensor.rssMb),
      "storm: sensor, % of a core": round(seen.sensor.cores * 100),
      "storm: agent before, RSS, MB": round(restMb),
      "storm: agent, largest RSS, MB": round(seen.agent.rssMb),
      "storm: agent, % of a core": round(seen.agent.cores * 100),
      "storm, every record counted: execs a second": Math.round(counted.perSecond),
      "storm, every record counted: undeclared losses": odd.length,
    },
    goals: [
      atMost("storm: undeclared losses", 0, odd.length + undelivered, "records"),
      below("storm: sensor, largest RSS", 20, seen.sensor.rssMb, "MB"),
      below("storm: agent, largest RSS", 120, seen.agent.rssMb, "MB"),
      atMost("storm: both together", 60, (seen.sensor.cores + seen.agent.cores) * 100, "% of a core"),
    ],
  };
};

/** With a stand-in that counts each record: nothing is missing that was not declared lost. */
async function countedStorm(world: World): Promise<{ readonly counted: Storm; readonly odd: readonly string[] }> {
  const sensor = await startSensor(world.root, { tier: "B" });
  try {
    const settings = { mode: modes.block, events: 1, files: 1, syscalls: 1, drain: 2000 };
    const agent = await startCounting(world.programs.counting, sensor, settings);
    const counted = await storm(world, seconds, sensor.pid, agent.pid);
    return { counted, odd: undeclared(await agent.finish(), counted.execs) };
  } finally {
    await endChild(sensor.child);
  }
}

/** With the agent itself. */
async function wholeStorm(world: World) {
  const provost = await startProvost(world, "B", "block");
  try {
    await pause(5000);
    const restMb = rssMb(provost.pid);
    const seen = await storm(world, seconds, provost.sensor.pid, provost.pid);
    // The sensor says once a second how it is.
    await pause(1500);
    return { seen, counters: await provost.counters(), restMb };
  } finally {
    await provost.stop();
  }
}

/** What one process used while the storm went on. */
export interface Used {
  /** Largest seen, units of 1,000,000 bytes. */
  readonly rssMb: number;
  /** Processor seconds per second. */
  readonly cores: number;
}

export interface Storm {
  readonly execs: number;
  readonly perSecond: number;
  readonly sensor: Used;
  readonly agent: Used;
}

/** As many execs as all processors manage for some seconds, with the two processes watched from outside. */
export async function storm(world: World, seconds: number, sensor: number, agent: number): Promise<Storm> {
  const place = ["--cgroup", world.root.cgroup, "--root", world.root.path];
  const before = { sensor: cpuSeconds(sensor), agent: cpuSeconds(agent) };
  const most = { sensor: 0, agent: 0 };
  const look = (): void => {
    most.sensor = Math.max(most.sensor, rssMb(sensor));
    most.agent = Math.max(most.agent, rssMb(agent));
  };
  const timer = setInterval(look, 100);
  const started = performance.now();
  const timers = Array.from({ length: availableParallelism() }, (_, cpu) =>
    promisify(execFile)(world.programs.timer, [
      ...place,
      "--cpu",
      String(cpu),
      "--seconds",
      String(seconds),
      "/usr/bin/tiny",
    ]),
  );
  const timed = (await Promise.all(timers)).map(({ stdout }) => JSON.parse(stdout) as Timed);
  const execSeconds = (performance.now() - started) / 1000;
  // What was made until now is still on its way; its cost belongs to the storm.
  await pause(1000);
  clearInterval(timer);
  look();
  for (const { refused, killed } of timed)
    if (refused + killed > 0) throw new Error(`the storm: ${refused} execs refused, ${killed} killed`);
  const execs = timed.reduce((sum, { count }) => sum + count, 0);
  const used = (pid: number, from: number, rss: number): Used => ({
    rssMb: rss,
    cores: (cpuSeconds(pid) - from) / execSeconds,
  });
  return {
    execs,
    perSecond: execs / execSeconds,
    sensor: used(sensor, before.sensor, most.sensor),
    agent: used(agent, before.agent, most.agent),
  };
}

/** Why the counts do not add up; nothing where they do. Every exec was told or declared lost, and no number is missing undeclared. */
export function undeclared({ records, lost, gaps, status }: Counts, execs: number): readonly string[] {
  const told = Object.entries(records).reduce(
    (sum, [type, count]) => sum + (Number(type) >= recordTypes.exec ? count : 0),
    0,
  );
  const execsTold = records[recordTypes.exec] ?? 0;
  return [
    ...(execsTold + lost < execs
      ? [`${execs} execs, of which ${execsTold} were told, and only ${lost} records declared lost`]
      : []),
    ...(gaps > lost ? [`${gaps} sequence numbers are missing, only ${lost} declared lost`] : []),
    ...(status.events > status.delivered + status.lost
      ? [`${status.events} made, ${status.delivered} delivered, ${status.lost} lost`]
      : []),
    ...(status.delivered > told ? [`${status.delivered} delivered by the sensor's count, ${told} received`] : []),
  ];
}

/** proc_pid_stat(5): fields 14 and 15, counted from behind the name. */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export const rssMb = (pid: number): number =>
  (Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024) / 1e6;
