import { cpuUsage, memoryUsage } from "node:process";
import { productVersion } from "@provost/shared/protocol/version.ts";
import { append, depth, takeLost } from "./spool/spool.ts";
import type { State } from "./state/state.ts";

const everyMs = 30_000;

/** Tells now and then how the agent itself is: memory, processor, what waits to be sent, what was lost. */
export function startHealth(state: State, spooled: () => void): () => void {
  let last = cpuUsage();
  let lastAt = Date.now();
  const report = (): void => {
    const used = cpuUsage(last);
    const now = Date.now();
    const cpuShare = now > lastAt ? (used.user + used.system) / 1000 / (now - lastAt) : 0;
    last = cpuUsage();
    lastAt = now;
    const waiting = depth(state);
    state
      .transaction(() => {
        const lost = takeLost(state);
        if (lost > 0)
          append(state, { kind: "lost", lane: "telemetry", count: lost, why: "the spool was full", at: now });
        append(state, {
          kind: "health",
          agentVersion: productVersion,
          rssBytes: memoryUsage.rss(),
          cpuShare,
          spooledFrames: waiting.frames,
          spooledBytes: waiting.bytes,
          at: now,
        });
      })
      .immediate();
    spooled();
  };
  report();
  const timer = setInterval(report, everyMs);
  return () => clearInterval(timer);
}
