import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { agentEnvironment, agentFlags } from "../../installers/source/agent-process.ts";
import type { Overview } from "../../installers/source/messages.ts";
import type { DaemonMessage } from "../../agent/main.ts";
import type { ServerMessage } from "../../server/running.ts";
import { sampleBelow } from "./processes.ts";
import type { Sample } from "./processes.ts";
import { benchFolder, pause } from "./product.ts";
import type { Options, Result } from "./result.ts";
import { below, median, round } from "./result.ts";

const top = join(import.meta.dirname, "../..");
const settleMs = 60_000;
const restMs = 300_000;
const everyMs = 1000;
const proofsWithinMs = 1_200_000;

/**
 * What an installed device carries all the time: sensor (mode record, as it begins) and agent as their units start them, with a session
 * over TLS. After a whole first pass, and with all proofs from the archives there, five minutes at rest. Disk writes are what the kernel counts for the two (write_bytes of
 * /proc/PID/io); the scans of newly started programs are counted with the agent.
 */
export async function run({ excluded, say }: Options): Promise<Result> {
  const folder = benchFolder("footprint", "anew");
  const children: ChildProcess[] = [];
  try {
    const ready = await startServer(folder, children);
    const sensor = startSensor(folder, children);
    say("the first pass");
    await startAgent(folder, ready, sensor, excluded, children);
    say("proofs from the archives");
    await proofsSettled(children[0] as ChildProcess);
    say(`at rest: ${settleMs / 1000} s to settle, then ${restMs / 1000} s`);
    await pause(settleMs);
    const before = written();
    const from = performance.now();
    const looks: (readonly Sample[])[] = [];
    while (performance.now() - from < restMs) {
      looks.push(ours());
      await pause(everyMs);
    }
    looks.push(ours());
    return report(looks, written() - before, (performance.now() - from) / 1000, sensor !== undefined);
  } finally {
    for (const child of children.toReversed()) await end(child);
  }
}

const isAgent = ({ command }: Sample): boolean => /\/dist\/agent\/main\.js/.test(command);
const isScan = ({ command }: Sample): boolean => /\/dist\/agent\/scan\.js/.test(command);
const isSensor = ({ command }: Sample): boolean => /provost-sensor --socket/.test(command);
const ours = (): readonly Sample[] =>
  sampleBelow(process.pid).filter((one) => isAgent(one) || isScan(one) || isSensor(one));

/** Bytes that the two caused to be written, so far. */
const written = (): number =>
  ours().reduce(
    (sum, { pid }) => sum + Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? 0),
    0,
  );

function report(looks: readonly (readonly Sample[])[], bytes: number, seconds: number, hasSensor: boolean): Result {
  const of = (which: (one: Sample) => boolean) => looks.flatMap((look) => look.filter(which));
  const share = (which: (one: Sample) => boolean): number => {
    const spans = Map.groupBy(of(which), ({ pid }) => pid);
    const used = [...spans.values()].reduce(
      (sum, span) =>
        sum + (span.at(-1)?.cpuSeconds ?? 0) - (isScan(span[0] as Sample) ? 0 : (span[0]?.cpuSeconds ?? 0)),
      0,
    );
    return (used / seconds) * 100;
  };
  const rss = (which: (one: Sample) => boolean): number => median(of(which).map(({ rssMb }) => rssMb));
  const agent = rss(isAgent);
  const hourly = (bytes / seconds) * 3600;
  return {
    name: "footprint",
    figures: {
      "agent: RSS, MB": round(agent),
      "agent: anonymous, MB": round(median(of(isAgent).map(({ anonymousMb }) => anonymousMb))),
      "sensor: RSS, MB": hasSensor ? round(rss(isSensor)) : "no sensor here",
      "agent: % of a core": round(share(isAgent), 3),
      "agent with its scans of newly started programs: % of a core": round(
        share((one) => isAgent(one) || isScan(one)),
        3,
      ),
      "sensor: % of a core": hasSensor ? round(share(isSensor), 3) : "no sensor here",
      "disk writes of both, MB in an hour": round(hourly / 1e6, 3),
    },
    goals: [
      below("agent at rest with a session over TLS, RSS", 70, agent, "MB"),
      ...(hasSensor ? [below("sensor at rest, RSS", 20, rss(isSensor), "MB")] : []),
      below(
        "both at rest for five minutes, processor",
        0.5,
        share((one) => isAgent(one) || isSensor(one)),
        "% of a core",
      ),
      below("disk writes at rest", 1, hourly / 1e6, "MB an hour"),
    ],
  };
}

async function startServer(
  folder: string,
  children: ChildProcess[],
): Promise<Extract<ServerMessage, { kind: "ready" }>> {
  const child = fork(join(top, "dist/server/main.js"), [], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    env: {
      ...process.env,
      PROVOST_CONFIG: "",
      PROVOST_SERVER_STATE: join(folder, "server"),
      PROVOST_PORT: "5781",
      PROVOST_TLS: "own",
      PROVOST_CONSOLE: join(top, "server/console/dist"),
    },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.on("message", (message: ServerMessage) => {
      if (message.kind === "ready") resolve(message);
      else if (message.kind === "failed") reject(new Error(`${message.code}: ${message.why}`));
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

/** Each proof that comes is written down: a device is not at rest before they are all there. */
async function proofsSettled(server: ChildProcess): Promise<void> {
  const until = performance.now() + proofsWithinMs;
  for (;;) {
    const asked = new Promise<Extract<ServerMessage, { kind: "summary" }>>((resolve) => {
      const hear = (message: ServerMessage): void => {
        if (message.kind !== "summary") return;
        server.off("message", hear);
        resolve(message);
      };
      server.on("message", hear);
    });
    server.send({ ask: "summary" });
    const { proofs, working } = (await asked).overview as Overview;
    if (proofs.pending === 0 && !working) return;
    if (performance.now() > until)
      throw new Error(`${proofs.pending} proofs are pending after ${proofsWithinMs / 1000} s`);
    await pause(2000);
  }
}

function startSensor(folder: string, children: ChildProcess[]): string | undefined {
  const program = join(top, "dist/sensor/provost-sensor");
  if (!existsSync(program) || process.getuid?.() !== 0) return undefined;
  const state = join(folder, "sensor");
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const socket = join(state, "sensor.sock");
  children.push(spawn(program, ["--socket", socket, "--state", state], { stdio: "ignore" }));
  return socket;
}

function startAgent(
  folder: string,
  ready: { readonly agentUrl: string; readonly token: string },
  sensor: string | undefined,
  excluded: readonly string[],
  children: ChildProcess[],
): Promise<void> {
  // As an installed agent, it has a Node of its own. One whose file was read from end to end was seen to have 27 MB more of it in its
  // RSS than one that is freshly copied (Linux 6.18).
  const execPath = join(folder, "node");
  copyFileSync(process.execPath, execPath);
  const child = fork(join(top, "dist/agent/main.js"), [], {
    execPath,
    execArgv: ["--disable-warning=ExperimentalWarning", ...agentFlags],
    env: { ...process.env, ...agentEnvironment },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  children.push(child);
  child.send({
    folder: join(folder, "agent"),
    server: ready.agentUrl,
    token: ready.token,
    excluded: [...excluded, join(folder, "server"), execPath],
    ...(sensor === undefined ? {} : { sensor, sensorProgram: join(top, "dist/sensor/provost-sensor"), mode: "record" }),
  });
  return new Promise((resolve, reject) => {
    let scanned = false;
    child.on("message", (message: DaemonMessage) => {
      if (message.kind === "scanned") scanned = true;
      if (message.kind === "drained" && scanned) resolve();
      if (message.kind === "failed") reject(new Error(`${message.code}: ${message.why}`));
    });
    child.once("exit", (code) => reject(new Error(`the agent ended with ${code}`)));
  });
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), 10_000).unref();
  });
}
