import type { Product } from "./product.ts";
import { benchFolder, pause, startProduct } from "./product.ts";
import type { Sample } from "./processes.ts";
import { sampleBelow } from "./processes.ts";
import type { Options, Result } from "./result.ts";
import { atMost, below, median, round } from "./result.ts";

const everyMs = 200;
const quietMs = 60_000;
const restMs = 60_000;
const windowSeconds = 5;

/**
 * The daemon as `npm start` launches it, enrolled at a real server on loopback, from an empty state: through its first pass,
 * until every proof has come, then at rest. Sampled from /proc from outside.
 */
export async function run({ excluded, say }: Options): Promise<Result> {
  const product = await startProduct(benchFolder("agent", "anew"), excluded);
  try {
    say("the first pass");
    const busy = watch(product);
    await product.whole;
    const scanning = untilScanEnded(busy.end());
    say(`at rest: ${quietMs / 1000} s to settle, then ${restMs / 1000} s`);
    await pause(quietMs);
    const quiet = watch(product);
    await pause(restMs);
    return report(scanning, quiet.end());
  } finally {
    await product.stop();
  }
}

interface Moment {
  readonly seconds: number;
  readonly agent: readonly Sample[];
}

function watch(product: Product) {
  const started = performance.now();
  const moments: Moment[] = [];
  const look = (): void => {
    const agent = sampleBelow(product.pid).filter(({ command }) => isAgent(command));
    if (agent.length > 0) moments.push({ seconds: (performance.now() - started) / 1000, agent });
  };
  look();
  const timer = setInterval(look, everyMs);
  return {
    end(): readonly Moment[] {
      clearInterval(timer);
      look();
      return moments;
    },
  };
}

const isAgent = (command: string): boolean => isDaemon(command) || isScan(command);
const isDaemon = (command: string): boolean => /\/agent\/main\.(?:js|ts)/.test(command);
const isScan = (command: string): boolean => /\/agent\/(?:inventory\/)?scan\.(?:js|ts)/.test(command);

/** From the first moment to the one in which the first scanning process was last seen. */
function untilScanEnded(moments: readonly Moment[]): readonly Moment[] {
  const first = moments.flatMap(({ agent }) => agent).find(({ command }) => isScan(command))?.pid;
  if (first === undefined) throw new Error("no scanning process was seen");
  const last = moments.findLastIndex(({ agent }) => agent.some(({ pid }) => pid === first));
  return moments.slice(0, last + 1);
}

function report(scanning: readonly Moment[], quiet: readonly Moment[]): Result {
  const rest = quiet.flatMap(({ agent }) => agent.filter(({ command }) => isDaemon(command)));
  const restRss = median(rest.map(({ rssMb }) => rssMb));
  const restShare = cpuShare(quiet, isDaemon) * 100;
  const passShare = cpuShare(scanning, isAgent);
  const passRss = Math.max(...scanning.map(({ agent }) => sum(agent, "rssMb")));
  const most = (what: (command: string) => boolean): number =>
    Math.max(...scanning.flatMap(({ agent }) => agent).map(({ command, rssMb }) => (what(command) ? rssMb : 0)));
  return {
    name: "agent",
    figures: {
      "at rest: RSS, MB": round(restRss),
      "at rest: largest RSS, MB": round(Math.max(...rest.map(({ rssMb }) => rssMb))),
      "at rest: anonymous, MB": round(median(rest.map(({ anonymousMb }) => anonymousMb))),
      "at rest: proportional (PSS), MB": round(median(rest.map(({ proportionalMb }) => proportionalMb))),
      "at rest: % of a core": round(restShare, 2),
      "at rest: % of a core with the scans of newly started programs": round(cpuShare(quiet, isAgent) * 100, 2),
      "at rest: scans of newly started programs": scans(quiet),
      "first pass: seconds": round((scanning.at(-1)?.seconds ?? 0) - (scanning[0]?.seconds ?? 0)),
      "first pass: cores": round(passShare, 2),
      [`first pass: cores, busiest ${windowSeconds} s`]: round(busiest(scanning), 2),
      "first pass: largest RSS of both processes, MB": round(passRss),
      "first pass: largest PSS of both processes, MB": round(
        Math.max(...scanning.map(({ agent }) => sum(agent, "proportionalMb"))),
      ),
      "first pass: largest RSS of the daemon, MB": round(most(isDaemon)),
      "first pass: largest RSS of the scan, MB": round(most(isScan)),
    },
    goals: [
      below("agent at rest after the pass, RSS", 70, restRss, "MB"),
      below("agent at rest after the pass, processor", 0.5, restShare, "% of a core"),
      atMost("agent while scanning, processor", 1, passShare, "cores"),
      atMost("agent while scanning, largest RSS of both processes", 160, passRss, "MB"),
    ],
  };
}

const sum = (samples: readonly Sample[], field: "rssMb" | "proportionalMb" | "cpuSeconds"): number =>
  samples.reduce((total, sample) => total + sample[field], 0);

/** Processor time per second of wall time, of the processes that `which` names, ended ones included. */
function cpuShare(moments: readonly Moment[], which: (command: string) => boolean): number {
  const spans = new Map<number, { first: number; last: number }>();
  const from = moments[0]?.seconds ?? 0;
  for (const { seconds, agent } of moments)
    for (const { pid, command, cpuSeconds } of agent) {
      if (!which(command)) continue;
      const span = spans.get(pid);
      // Whoever was there before the first look keeps what it had used by then; whoever came later began at nothing.
      if (span === undefined) spans.set(pid, { first: seconds === from ? cpuSeconds : 0, last: cpuSeconds });
      else span.last = cpuSeconds;
    }
  const used = [...spans.values()].reduce((total, { first, last }) => total + last - first, 0);
  return used / ((moments.at(-1)?.seconds ?? 0) - from);
}

function busiest(moments: readonly Moment[]): number {
  let most = 0;
  let at = 0;
  for (const [index, { seconds }] of moments.entries()) {
    while (seconds - (moments[at]?.seconds ?? seconds) > windowSeconds) at += 1;
    if (seconds - (moments[0]?.seconds ?? 0) >= windowSeconds)
      most = Math.max(most, cpuShare(moments.slice(Math.max(0, at - 1), index + 1), isAgent));
  }
  return most;
}

const scans = (moments: readonly Moment[]): number =>
  new Set(moments.flatMap(({ agent }) => agent.filter(({ command }) => isScan(command)).map(({ pid }) => pid))).size;
