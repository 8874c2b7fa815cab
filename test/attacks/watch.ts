import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openLinuxSensor } from "../../agent/sensors/linux/client.ts";
import type { SensorSettings } from "../../agent/sensors/sensor.ts";
import type { SensorHello, SensorRecord } from "../../shared/model/event.ts";
import { defaultGate, outcomesFor } from "../../shared/policy/gate.ts";
import type { AttackRoot } from "./root.ts";

export type WatchTier = "B" | "C";
export type WatchMode = "record" | "block";

/** A sensor at work on the root of the attacks, judged by what was in that root at first. */
export interface Watch {
  readonly hello: SensorHello;
  /** What it told, in order. */
  readonly records: readonly SensorRecord[];
  /** Resolves when everything of a process that has ended was told, its end last; sooner where `shown` is true. */
  settled(pid: number, shown: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

const longestSettlingMs = 2000;
const quietMs = 400;

export const sensorProgram = join(import.meta.dirname, "../../dist/sensor/provost-sensor");

export const cannotWatch = (): string | undefined =>
  existsSync(sensorProgram) ? undefined : "the sensor is not built: npm run sensor";

/** The strongest setting that a policy can have: libraries and what interpreters open are judged too. */
const settingsFor = (mode: WatchMode): SensorSettings => ({
  mode,
  libraries: true,
  scripts: "strict",
  syscalls: true,
  files: true,
  events: true,
  deadlineMs: defaultGate.deadlineMs,
  agentGoneMs: 5000,
  denyMs: 200,
  when: outcomesFor(defaultGate, mode),
});

export async function startWatch(root: AttackRoot, tier: WatchTier, mode: WatchMode): Promise<Watch> {
  const folder = mkdtempSync(join(root.gate.scratch, "sensor-"));
  const socket = join(folder, "socket");
  const sensor = startSensor(root, tier, folder, socket);
  const records: SensorRecord[] = [];
  let last = performance.now();
  const note = (record: SensorRecord): void => {
    records.push(record);
    last = performance.now();
  };
  try {
    await waitFor(() => existsSync(socket), sensor, "its socket");
    let hello: SensorHello | undefined;
    const client = openLinuxSensor(socket, {
      hello(said) {
        hello = said;
        return settingsFor(mode);
      },
      ready: () => root.interpreters.forEach((path) => client.path("interpreter", path)),
      asked(question) {
        note(question);
        const allow = question.digest !== undefined && root.allowed.has(question.digest);
        client.answer(question.id, { allow, remember: "file", forMs: allow ? 0 : 200, kind: "verdict" });
      },
      gate: note,
      events: (batch) => [...batch].forEach(note),
      status: () => undefined,
      lost: note,
      tampered: note,
      gone: () => undefined,
    });
    await waitFor(() => hello !== undefined, sensor, "its greeting");
    if (hello === undefined) throw new Error("unreachable");
    // Marks are set and interpreters hashed before the first attack.
    await pause(500);
    return {
      hello,
      records,
      async settled(pid, shown) {
        const began = performance.now();
        const late = (): boolean => performance.now() - began > longestSettlingMs || shown();
        while (!late() && records.findLast((record) => record.kind === "exit" && record.who.pid === pid) === undefined)
          await pause(10);
        // What other processors told, what the gate did and which files changed comes beside it.
        while (!late() && performance.now() - Math.max(last, began) < quietMs) await pause(10);
      },
      async stop() {
        client.close();
        await end(sensor);
      },
    };
  } catch (cause) {
    await end(sensor);
    throw cause;
  }
}

function startSensor({ gate }: AttackRoot, tier: WatchTier, state: string, socket: string): ChildProcess {
  const args = [
    "--socket",
    socket,
    "--state",
    state,
    "--tier",
    tier,
    "--scope",
    gate.path,
    "--scope-cgroup",
    gate.cgroup,
  ];
  // Whatever happens to this runner, the kernel asks nobody for longer than this.
  return spawn("timeout", ["-s", "KILL", "600", sensorProgram, ...args], { stdio: ["ignore", "inherit", "inherit"] });
}

async function waitFor(done: () => boolean, sensor: ChildProcess, what: string): Promise<void> {
  for (let tries = 0; tries < 1000 && !done(); tries += 1) {
    if (sensor.exitCode !== null) throw new Error(`the sensor ended with ${sensor.exitCode} before ${what} came`);
    await pause(10);
  }
  if (!done()) throw new Error(`${what} did not come from the sensor within 10 s`);
}

function end(sensor: ChildProcess): Promise<void> {
  if (sensor.exitCode !== null || sensor.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const force = setTimeout(() => sensor.kill("SIGKILL"), 5000);
    sensor.once("exit", () => {
      clearTimeout(force);
      resolve();
    });
    sensor.kill("SIGTERM");
  });
}
