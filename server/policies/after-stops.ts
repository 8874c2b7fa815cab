import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { GateDecision } from "@provost/shared/protocol/frames.ts";
import type { Response } from "../response/issue.ts";
import type { Store } from "../store/store.ts";
import type { Policies } from "./policies.ts";
import { ringSays } from "./policies.ts";
import { sealStopped, stepBackFinding } from "./seal-stopped.ts";

/** What follows at the server when a gate kept something from starting: a ring that stops too much steps back; what is new is sealed away. */
export function openAfterStops(
  store: Pick<Store, "commands" | "inventory" | "read">,
  policies: Pick<Policies, "seals" | "stopped">,
  response: Pick<Response, "issue">,
  behaviour: { found(findings: readonly DetectedFinding[]): void },
  log: (line: string) => void,
): (device: DeviceId, decisions: readonly GateDecision[]) => void {
  return (device, decisions) => {
    try {
      // First: what a ring stopped that is about to step back is not sealed away as well.
      const step = policies.stopped(device);
      const findings =
        step === undefined
          ? decisions.flatMap((one) => sealStopped(device, one, store, policies, response) ?? [])
          : [
              stepBackFinding(
                device,
                `${ringSays(step.group)} stepped back from ${step.from} to ${step.to}: ${step.why}`,
                step.policy,
                step.at,
              ),
            ];
      if (findings.length > 0) behaviour.found(findings);
    } catch (cause) {
      log(`policies: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  };
}
