import type { Action } from "../action.ts";

/** Nothing is changed, so there is nothing to undo. */
export const collectTriage: Action<"collect-triage"> = {
  name: "collect-triage",
  says: ({ process, executable }) =>
    process === undefined
      ? "Collect a triage bundle"
      : `Collect a triage bundle around ${executable ?? "process"} (${process.pid})`,
  plan: ({ process, executable }) => [
    {
      step: "collect-triage",
      ...(process === undefined ? {} : { process }),
      ...(executable === undefined ? {} : { executable }),
    },
  ],
};
