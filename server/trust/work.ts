import type { DeviceId, Instant } from "@provost/shared/model/ids.ts";
import type { Derivation } from "./derive.ts";
import type { ProofDesk } from "./desk.ts";

export interface TrustWork {
  /** Something was noted at the desk. */
  wake(): void;
  /** Questions are being put or answered. */
  busy(): boolean;
  close(): void;
}

export interface TrustEvents {
  changed(device: DeviceId, count: number): void;
  failed(why: string): void;
}

/**
 * Runs derivation and the desk side by side: derivation waits for downloads and digests, the desk takes its small steps in
 * between, so that the server answers people and agents all the while.
 */
export function startTrustWork(
  derivation: Derivation,
  desk: ProofDesk,
  events: TrustEvents,
  now: () => Instant,
): TrustWork {
  const stop = new AbortController();
  let deriving = false;
  let again = false;
  let stepping: NodeJS.Timeout | undefined;
  let due: NodeJS.Timeout | undefined;

  const derive = async (): Promise<void> => {
    if (deriving) {
      again = true;
      return;
    }
    deriving = true;
    try {
      await derivation.run(stop.signal);
    } catch (cause) {
      if (!stop.signal.aborted) events.failed(cause instanceof Error ? cause.message : String(cause));
    }
    deriving = false;
    if (stop.signal.aborted) return;
    if (again) {
      again = false;
      void derive();
      return;
    }
    planNext();
  };

  const planNext = (): void => {
    const next = derivation.nextDueAt();
    clearTimeout(due);
    if (next !== undefined) due = setTimeout(() => void derive(), Math.min(Math.max(next - now(), 1000), 3_600_000));
  };

  const step = (): void => {
    stepping = undefined;
    if (stop.signal.aborted) return;
    try {
      const { more, asked, changed } = desk.step(now());
      for (const [device, count] of changed) events.changed(device, count);
      if (asked) void derive();
      if (more) stepping = setTimeout(step, 1);
    } catch (cause) {
      events.failed(cause instanceof Error ? cause.message : String(cause));
      stepping = setTimeout(step, 5000);
    }
  };

  planNext();
  return {
    wake() {
      stepping ??= setTimeout(step, 150);
    },
    busy: () => deriving || again || stepping !== undefined,
    close() {
      stop.abort();
      clearTimeout(stepping);
      clearTimeout(due);
    },
  };
}
