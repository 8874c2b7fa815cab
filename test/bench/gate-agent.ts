import { execFile } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { agentEnvironment, agentFlags } from "../../installers/source/agent-process.ts";
import type { GatedAgent } from "../support/gated-agent.ts";
import { startGatedAgent } from "../support/gated-agent.ts";
import type { Sensor, TierName } from "../support/gate-sensor.ts";
import { endChild, startSensor } from "../support/gate-sensor.ts";
import type { Column, World } from "./gate-columns.ts";
import { cannotSense } from "../support/gate-sensor.ts";
import { pause } from "./product.ts";

const top = join(import.meta.dirname, "../..");
const bundle = join(top, "dist/agent/main.js");

export interface Provost {
  readonly sensor: Sensor;
  readonly agent: GatedAgent;
  /** The agent's process. */
  readonly pid: number;
  /** The sensor's counters, as `provost doctor` shows them. */
  counters(): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

/** Sensor and agent as `npm start` runs them, with nothing but the root to walk over. Resolves after the first pass. */
export async function startProvost(
  { root }: World,
  tier: TierName,
  mode: "record" | "hold" | "block",
): Promise<Provost> {
  // What an earlier turn remembered would make this one's first execs known ones.
  for (const name of ["agent", "sensor-state"]) rmSync(join(root.scratch, name), { recursive: true, force: true });
  const sensor = await startSensor(root, { tier });
  const lean = { program: bundle, flags: agentFlags, environment: agentEnvironment };
  const agent = startGatedAgent(root, sensor.socket, { mode }, lean);
  const stop = async (): Promise<void> => {
    agent.child.kill("SIGCONT");
    await agent.stop();
    await endChild(sensor.child);
  };
  try {
    const first = await agent.heard(({ kind }) => kind === "scanned" || kind === "failed");
    if (first.kind === "failed") throw new Error(`the agent failed: ${first.why}`);
    const { pid } = agent.child;
    if (pid === undefined) throw new Error("the agent has no process number");
    await pause(500);
    return { sensor, agent, pid, counters: () => counters(agent), stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

export const cannotRun = (): string | undefined =>
  cannotSense() ?? (existsSync(bundle) ? undefined : "the agent is not built: npm run build");

export const provostWhole = (name: string, tier: TierName, mode: "record" | "block"): Column => ({
  name,
  missing: cannotRun,
  async start(world) {
    const provost = await startProvost(world, tier, mode);
    return { timer: [], stop: () => provost.stop() };
  },
});

async function counters(agent: GatedAgent): Promise<Readonly<Record<string, number>>> {
  const command = ["agent/provost.ts", "doctor", "--json", "--state", agent.folder];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", ...command],
    { cwd: top, env: { ...process.env, PROVOST_CONTROL: agent.control } },
  );
  const { agent: said } = JSON.parse(stdout) as { readonly agent?: { readonly counters?: Record<string, number> } };
  if (said?.counters === undefined) throw new Error(`provost doctor has no counters: ${stdout.slice(0, 500)}`);
  return said.counters;
}
