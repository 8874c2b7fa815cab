import type { Instant } from "@provost/shared/model/ids.ts";
import type { Puller } from "./pull.ts";

export interface PullWork {
  /** Something new may be wanted: looked at soon, once for many calls. */
  wake(): void;
  /** Resolves when the last pull has let go of the store. */
  close(): Promise<void>;
}

export interface PullWorkParts {
  readonly puller: Puller;
  /** Hands the puller what devices have now. */
  readonly note: () => void;
  readonly now: () => Instant;
  readonly failed: (why: string) => void;
  readonly settleMs?: number;
}

/** Runs the puller whenever something is due. Nobody waits for it: what it finds reaches the library's listeners. */
export function startPullWork({ puller, note, now, failed, settleMs = 15_000 }: PullWorkParts): PullWork {
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  let noting: NodeJS.Timeout | undefined;
  let due: NodeJS.Timeout | undefined;

  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (cause) {
      failed(reasonOf(cause));
    }
  };

  const run = (): void => {
    if (stop.signal.aborted || running !== undefined) return;
    clearTimeout(due);
    running = puller
      .run(stop.signal)
      .catch((cause: unknown) => failed(reasonOf(cause)))
      .then(() => {
        running = undefined;
        return plan();
      });
  };

  const plan = (): void => {
    if (stop.signal.aborted) return;
    guarded(() => {
      const next = puller.nextDueAt();
      clearTimeout(due);
      if (next !== undefined) due = setTimeout(run, Math.min(Math.max(next - now(), minimumMs), maximumMs));
    });
  };

  plan();
  return {
    wake() {
      if (stop.signal.aborted) return;
      noting ??= setTimeout(() => {
        noting = undefined;
        guarded(note);
        run();
      }, settleMs);
    },
    async close() {
      stop.abort();
      clearTimeout(noting);
      clearTimeout(due);
      await running;
    },
  };
}

const minimumMs = 1000;
const maximumMs = 3_600_000;
const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
