import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Assessor } from "./assessor.ts";

export interface AssessWork {
  /** Something may wait. */
  wake(): void;
  busy(): boolean;
  /** Resolves when the assessor has let go of the store. */
  close(): Promise<void>;
}

/** Runs the assessor's steps, one after the other, as long as something waits. */
export function startAssessWork(
  assessor: Pick<Assessor, "step">,
  events: { changed(device: DeviceId, count: number): void; failed(why: string): void },
): AssessWork {
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  let again = true;
  let due: NodeJS.Timeout | undefined;

  const run = async (): Promise<void> => {
    try {
      while (again && !stop.signal.aborted) {
        again = false;
        const { more, changed } = await assessor.step(stop.signal);
        again ||= more;
        for (const [device, count] of changed) events.changed(device, count);
      }
    } catch (cause) {
      if (stop.signal.aborted) return;
      events.failed(cause instanceof Error ? cause.message : String(cause));
      // What waits is in the store: a full disk costs a repetition.
      again = true;
      due = setTimeout(wake, retryMs);
    }
  };

  const wake = (): void => {
    again = true;
    if (stop.signal.aborted || running !== undefined) return;
    running = run().finally(() => {
      running = undefined;
      if (again && due === undefined) wake();
    });
  };

  wake();
  return {
    wake() {
      clearTimeout(due);
      due = undefined;
      wake();
    },
    busy: () => running !== undefined,
    async close() {
      stop.abort();
      clearTimeout(due);
      await running;
    },
  };
}

const retryMs = 5000;
