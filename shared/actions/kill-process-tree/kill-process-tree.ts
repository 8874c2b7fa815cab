import type { Action } from "../action.ts";

/** Frozen first: a tree that forks while it is killed leaves survivors. */
export const killProcessTree: Action<"kill-process-tree"> = {
  name: "kill-process-tree",
  says: ({ process, executable }) => `Kill ${executable} (${process.pid}) and what it started`,
  plan: ({ process, executable }) => [
    { step: "freeze-processes", process, executable },
    { step: "kill-processes", process, executable },
  ],
};
