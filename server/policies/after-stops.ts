import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { GateDecision } from "@provost/shared/protocol/frames.ts";
import type { StoredIncident } from "../incidents/incident-store.ts";
import type { Response } from "../response/issue.ts";
import type { Store } from "../store/store.ts";
import type { Policies } from "./policies.ts";
import { ringSays } from "./policies.ts";
import { sealStopped, stepBackFinding } from "./seal-stopped.ts";

interface Parts {
  readonly store: Pick<Store, "commands" | "inventory" | "read">;
  readonly policies: Pick<Policies, "seals" | "stopped">;
  readonly response: Pick<Response, "issue" | "preview">;
  /** Folds findings into incidents; returns those that changed. */
  readonly found: (findings: readonly DetectedFinding[]) => readonly Pick<StoredIncident, "id">[];
  readonly log: (line: string) => void;
}

/** What follows at the server when a gate kept something from starting: a ring that stops too much steps back; what is new is sealed away. */
export function openAfterStops(parts: Parts): (device: DeviceId, decisions: readonly GateDecision[]) => void {
  const { store, policies, response, found, log } = parts;

  const seal = (device: DeviceId, decision: GateDecision): void => {
    const sealing = sealStopped(device, decision, store, policies, response);
    if (sealing === undefined) return;
    // The incident first, so that its page shows the orders. Automatic response may have given one of them by then.
    const incident = found([sealing.finding])[0]?.id;
    const given = new Set(store.commands.holding(sealing.sha256).map((one) => one.device));
    for (const { device: of, ordering } of sealing.orders)
      if (!given.has(of)) response.issue([of], { ...ordering, ...(incident === undefined ? {} : { incident }) });
  };

  return (device, decisions) => {
    try {
      // First: what a ring stopped that is about to step back is not sealed away as well.
      const step = policies.stopped(device);
      if (step === undefined) return decisions.forEach((one) => seal(device, one));
      const says = `${ringSays(step.group)} stepped back from ${step.from} to ${step.to}: ${step.why}`;
      found([stepBackFinding(device, says, step.policy, step.at)]);
    } catch (cause) {
      log(`policies: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
    return undefined;
  };
}
