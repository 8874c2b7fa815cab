import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { GateRoot } from "./gate-root.ts";

const top = join(import.meta.dirname, "../..");
const built = [join(top, "dist/sensor/provost-sensor"), join(top, "agent/sensors/linux/native/build/provost-sensor")];

export const sensorProgram = (): string | undefined => built.find((path) => existsSync(path));

/** Why the sensor cannot be started here; undefined where it can. */
export const cannotSense = (): string | undefined =>
  sensorProgram() === undefined ? "provost-sensor is not built: npm run sensor" : undefined;

export type TierName = "A" | "B" | "C";

export interface SensorOptions {
  readonly tier: TierName;
  /** Below this folder of a bpffs it pins what is to outlive it. */
  readonly pins?: string;
  readonly more?: readonly string[];
  /** A program with its words that starts the sensor: with fewer rights, in another view of the machine. */
  readonly through?: readonly string[];
}

export interface Sensor {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly socket: string;
  readonly state: string;
  /** What it wrote to its standard error until now. */
  readonly said: () => string;
}

/** The real sensor, scoped: it marks the root's file system alone and refuses only what runs in the root's cgroup. */
export async function startSensor(
  root: GateRoot,
  { tier, pins, more = [], through = [] }: SensorOptions,
): Promise<Sensor> {
  const program = sensorProgram();
  if (program === undefined) throw new Error("provost-sensor is not built: npm run sensor");
  const state = join(root.scratch, "sensor-state");
  mkdirSync(state, { recursive: true });
  const socket = join(root.scratch, "sensor.sock");
  const scope = ["--scope", root.path, "--scope-cgroup", root.cgroup];
  const where = ["--socket", socket, "--state", state, ...(pins === undefined ? [] : ["--pins", pins])];
  const [first = program, ...words] = [...through, program, ...where, ...scope, "--tier", tier, ...more];
  const child = spawn(first, words, { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-65_536);
  });
  await printed(child, child.stderr, /^provost-sensor: ready at /m, "provost-sensor");
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} has no process number`);
  return { child, pid, socket, state, said: () => text };
}

/** Resolves once `child` printed what matches; rejects with what it said when it ends before. */
export function printed(
  child: ChildProcess,
  stream: NodeJS.ReadableStream,
  wanted: RegExp,
  name: string,
): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = "";
    stream.on("data", (chunk: Buffer) => {
      if (text.length > 65_536) return;
      text += chunk.toString();
      const match = wanted.exec(text);
      if (match !== null) resolve(match);
    });
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      reject(new Error(`${name} ended with ${code ?? signal}: ${text.slice(-2000)}`)),
    );
  });
}

/** In order, and by force where that takes longer than 10 s. */
export function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill("SIGKILL"), 10_000);
    child.once("exit", () => {
      clearTimeout(force);
      resolve();
    });
    child.kill("SIGTERM");
  });
}
