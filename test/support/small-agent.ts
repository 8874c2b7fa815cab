import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { endChild } from "./gate-sensor.ts";

const program = join(import.meta.dirname, "../../agent/sensors/linux/native/build/sensor-client");

/** Why the small agent cannot be started here; undefined where it can. */
export const cannotAnswer = (): string | undefined =>
  existsSync(program) ? undefined : "sensor-client is not built: make -C agent/sensors/linux/native";

/** One record of the sensor, as sensor-client prints it. */
export interface Told {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface SmallAgent {
  readonly pid: number;
  /** Everything it was told, in order. */
  readonly told: readonly Told[];
  /** One line for its standard input, as test/client.c lists them; resolves once it is with the sensor. */
  say(line: string): Promise<void>;
  /** The first record after `since` that is of this type and has these fields; rejects after ten seconds. */
  hears(type: string, fields?: Readonly<Record<string, unknown>>, since?: number): Promise<Told>;
  end(): Promise<void>;
}

/** The agent of the sensor's own tests: answers from a list of digests. Resolves once the sensor has taken its configuration. */
export async function startSmallAgent(socket: string, options: readonly string[]): Promise<SmallAgent> {
  const child = spawn(program, ["--socket", socket, "--statuses", ...options], { stdio: ["pipe", "pipe", "pipe"] });
  const told: Told[] = [];
  const waiting = new Set<() => void>();
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  createInterface({ input: child.stdout }).on("line", (line) => {
    told.push(JSON.parse(line) as Told);
    for (const look of waiting) look();
  });
  const hears: SmallAgent["hears"] = (type, fields = {}, since = 0) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = told.slice(since).find((record) => record.type === type && has(record, fields));
        if (found === undefined) return;
        waiting.delete(look);
        clearTimeout(late);
        resolve(found);
      };
      const late = setTimeout(() => {
        waiting.delete(look);
        const heard = told.map((record) => JSON.stringify(record)).join("\n");
        reject(new Error(`no record ${type} ${JSON.stringify(fields)} came. ${said}\n${heard}`.slice(0, 8000)));
      }, 10_000);
      waiting.add(look);
      look();
    });
  const say = async (line: string): Promise<void> => {
    const since = told.length;
    child.stdin.write(`${line}\n`);
    await hears("sent", {}, since);
    // A configuration is answered by a status once it holds.
    if (line.startsWith("mode ")) await hears("status", {}, since);
  };
  await hears("status");
  if (child.pid === undefined) throw new Error("sensor-client has no process number");
  return { pid: child.pid, told, say, hears, end: () => endChild(child) };
}

const has = (record: Told, fields: Readonly<Record<string, unknown>>): boolean =>
  Object.entries(fields).every(([name, value]) => record[name] === value);
