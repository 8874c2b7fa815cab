import { cpuUsage, memoryUsage } from "node:process";
import { productVersion } from "@provost/shared/protocol/version.ts";
import { append, depth, hasLost, takeLost } from "./spool/spool.ts";
import type { State } from "./state/state.ts";

const everyMs = 30_000;
/** A device at rest tells the same again and again, and each time is written to its disk twice: as often as this is enough. */
const atLeastEveryMs = 600_000;
const change = { rssShare: 0.1, cpuShare: 0.02, spooledFrames: 100 };

interface Told {
  readonly at: number;
  readonly rssBytes: number;
  readonly cpuShare: number;
  readonly spooledFrames: number;
}

/** Tells now and then how the agent itself is: memory, processor, what waits to be sent, what was lost. At rest seldom. */
export function startHealth(state: State, spooled: () => void): () => void {
  let last = cpuUsage();
  let lastAt = Date.now();
  let lastTold: Told | undefined;
  const report = (): void => {
    const used = cpuUsage(last);
    const now = Date.now();
    const cpuShare = now > lastAt ? (used.user + used.system) / 1000 / (now - lastAt) : 0;
    last = cpuUsage();
    lastAt = now;
    const waiting = depth(state);
    const told: Told = { at: now, rssBytes: memoryUsage.rss(), cpuShare, spooledFrames: waiting.frames };
    if (lastTold !== undefined && !isNews(told, lastTold) && !hasLost(state)) return;
    lastTold = told;
    state
      .transaction(() => {
        const lost = takeLost(state);
        if (lost > 0)
          append(state, {
            kind: "lost",
            lane: "telemetry",
            count: lost,
            why: "more happened than a device tells, or the spool was full",
            at: now,
          });
        append(state, {
          kind: "health",
          agentVersion: productVersion,
          rssBytes: told.rssBytes,
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

/** Whether a person who watches the device would want to know. */
export const isNews = (now: Told, before: Told): boolean =>
  now.at - before.at >= atLeastEveryMs ||
  Math.abs(now.rssBytes - before.rssBytes) > before.rssBytes * change.rssShare ||
  Math.abs(now.cpuShare - before.cpuShare) > change.cpuShare ||
  Math.abs(now.spooledFrames - before.spooledFrames) > change.spooledFrames;
