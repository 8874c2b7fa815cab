import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { scanEnvironment, scanFlags } from "../inventory/run-scan.ts";
import type { TriageAnswer, TriageOrder } from "./collect.ts";

const program = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./collect.ts" : "./triage.js", import.meta.url),
);

export type Collected = Extract<TriageAnswer, { ok: true }>;

export const triageTimes = { lookMs: 40_000, wholeMs: 60_000 } as const;

/**
 * Looks at the device in a process of its own, so that the daemon answers meanwhile and holds nothing of it. Rejects with LIMIT where
 * it takes too long, and with what went wrong.
 */
export function runCollect(
  order: Omit<TriageOrder, "withinMs">,
  started: (pid: number) => void = () => undefined,
  times: { readonly lookMs: number; readonly wholeMs: number } = triageTimes,
): Promise<Collected> {
  return new Promise((resolve, reject) => {
    const child = fork(program, [], {
      execArgv: [...scanFlags(true)],
      env: { ...process.env, ...scanEnvironment },
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    if (child.pid !== undefined) started(child.pid);
    const clock = setTimeout(() => {
      reject(new AppError("LIMIT", `looking at this device took more than ${times.wholeMs / 1000} s`));
      child.kill("SIGKILL");
    }, times.wholeMs);
    child.on("message", (answer: TriageAnswer) => {
      if (answer.ok) resolve(answer);
      else reject(new Error(answer.why));
    });
    child.on("error", reject);
    child.on("exit", (code, by) => {
      clearTimeout(clock);
      reject(new Error(`what looks at the device ended early (${by ?? `exit code ${code}`})`));
    });
    child.send({ ...order, withinMs: times.lookMs } satisfies TriageOrder);
  });
}
