import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Sensor } from "./gate-sensor.ts";
import { printed } from "./gate-sensor.ts";

/** What the agent's stand-in (test/bench/programs/counting-agent.c) was told; numbers as in record.h. */
export type Settings = Readonly<Record<string, number>>;

export const modes = { off: 0, record: 1, warn: 2, hold: 3, block: 4 } as const;
export const recordTypes = { lost: 3, tamper: 4, ask: 5, gate: 6, exec: 16, fork: 17, exit: 18 } as const;

export interface Hello {
  readonly pid: number;
  /** 0 to 3: P, C, B, A. */
  readonly tier: number;
  readonly parts: number;
  readonly missing: string;
}

export interface Counts {
  readonly bytes: number;
  readonly reads: number;
  /** What PV_LOST declared. */
  readonly lost: number;
  /** Sequence numbers that never came. */
  readonly gaps: number;
  readonly stoppedUnasked: number;
  /** By record type. */
  readonly records: Readonly<Record<string, number>>;
  readonly status: Readonly<
    Record<
      | "asked"
      | "hits"
      | "hashed"
      | "agentAsked"
      | "allowed"
      | "denied"
      | "late"
      | "overloaded"
      | "unreadable"
      | "agentGone"
      | "killed"
      | "events"
      | "delivered"
      | "lost"
      | "remembered"
      | "slowestUs",
      number
    >
  >;
}

export interface CountingAgent {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly hello: Hello;
  /** Ends it and gives what it counted. */
  finish(): Promise<Counts>;
}

/** `only`: digests that it says yes to; without any, to everything. */
export async function startCounting(
  program: string,
  sensor: Sensor,
  settings: Settings,
  only: readonly string[] = [],
): Promise<CountingAgent> {
  const named = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const child = spawn(program, [sensor.socket, ...named, ...only], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const gone = new Promise<never>((_resolve, reject) => {
    sensor.child.once("exit", (code, signal) =>
      reject(new Error(`provost-sensor ended with ${code ?? signal}: ${sensor.said().slice(-2000)}`)),
    );
  });
  gone.catch(() => undefined);
  const [line] = await Promise.race([gone, printed(child, child.stdout, /^\{.*\}$/m, "counting-agent")]);
  const { pid } = child;
  if (pid === undefined) throw new Error("counting-agent has no process number");
  return {
    child,
    pid,
    hello: JSON.parse(line) as Hello,
    async finish() {
      const ended = once(child, "close");
      child.kill("SIGTERM");
      await ended;
      const last = text.trimEnd().split("\n").at(-1);
      if (last === undefined || last === line) throw new Error("counting-agent ended without its counts");
      return JSON.parse(last) as Counts;
    },
  };
}
