import type { DeviceId, Instant } from "@provost/shared/model/ids.ts";
import type { Derivation } from "./derive.ts";
import type { ProofDesk } from "./desk.ts";

export interface TrustWork {
  /** Something was noted at the desk. */
  wake(): void;
  /** Questions are being put or answered. */
  busy(): boolean;
  /** Resolves when derivation has let go of the store. */
  close(): Promise<void>;
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
  let derived: Promise<void> = Promise.resolve();
  let again = false;
  let stepping: NodeJS.Timeout | undefined;
  let due: NodeJS.Timeout | undefined;

  const derive = (): void => {
    if (stop.signal.aborted) return;
    if (deriving) {
      again = true;
      return;
    }
    deriving = true;
    derived = run().then(() => {
      deriving = false;
      if (stop.signal.aborted) return undefined;
      if (!again) return planNext();
      again = false;
      return derive();
    });
  };

  const run = async (): Promise<void> => {
    try {
      await derivation.run(stop.signal);
    } catch (cause) {
      if (!stop.signal.aborted) events.failed(reason(cause));
    }
  };

  const planNext = (): void => {
    clearTimeout(due);
    let next: number | undefined;
    try {
      next = derivation.nextDueAt();
    } catch (cause) {
      events.failed(reason(cause));
      next = now() + 60_000;
    }
    if (next !== undefined) due = setTimeout(derive, Math.min(Math.max(next - now(), 1000), 3_600_000));
  };

  const step = (): void => {
    stepping = undefined;
    if (stop.signal.aborted) return;
    try {
      const { more, asked, changed } = desk.step(now());
      if (asked) derive();
      for (const [device, count] of changed) events.changed(device, count);
      if (more) stepping = setTimeout(step, 1);
    } catch (cause) {
      events.failed(reason(cause));
      stepping = setTimeout(step, 5000);
    }
  };

  planNext();
  return {
    wake() {
      if (!stop.signal.aborted) stepping ??= setTimeout(step, 150);
    },
    busy: () => deriving || again || stepping !== undefined,
    async close() {
      stop.abort();
      clearTimeout(stepping);
      clearTimeout(due);
      await derived;
    },
  };
}

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
