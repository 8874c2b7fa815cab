import { unreachable } from "../lib/unreachable.ts";
import type { ActionName, ActionOrder } from "../model/command.ts";
import type { Action } from "./action.ts";
import { allowDigest } from "./allow-digest/allow-digest.ts";
import { blockDigest } from "./block-digest/block-digest.ts";
import { collectTriage } from "./collect-triage/collect-triage.ts";
import { isolateHost } from "./isolate-host/isolate-host.ts";
import { killProcessTree } from "./kill-process-tree/kill-process-tree.ts";
import { quarantineFile } from "./quarantine-file/quarantine-file.ts";
import type { Step, StepWords } from "./step.ts";

export type { Step, StepName, StepWords } from "./step.ts";

/** Everything but `undo`, which has no plan of its own: it walks back what another command did. */
export type PlannedOrder = Exclude<ActionOrder, { action: "undo" }>;

export const actions: { readonly [Name in Exclude<ActionName, "undo">]: Action<Name> } = {
  "kill-process-tree": killProcessTree,
  "quarantine-file": quarantineFile,
  "block-digest": blockDigest,
  "allow-digest": allowDigest,
  "isolate-host": isolateHost,
  "collect-triage": collectTriage,
};

const of = (order: PlannedOrder): Action<typeof order.action> => actions[order.action] as Action<typeof order.action>;

export const planOf = (order: PlannedOrder): readonly Step[] => of(order).plan(order);

/** `undone`: the order that an undo takes back, where it is known. */
export const orderSays = (order: ActionOrder, undone?: ActionOrder): string =>
  order.action !== "undo"
    ? of(order).says(order)
    : undone === undefined
      ? "Undo what was done"
      : `Undo: ${orderSays(undone)}`;

export function stepWords(step: Step): StepWords {
  switch (step.step) {
    case "freeze-processes":
      return {
        says: `Freeze ${step.executable} (${step.process.pid}) and everything below it`,
        undo: `Let ${step.executable} (${step.process.pid}) and everything below it go on`,
      };
    case "kill-processes":
      return { says: `Kill ${step.executable} (${step.process.pid}) and everything below it` };
    case "deny-digest":
      return {
        says: `Refuse to start files with the digest ${step.sha256.slice(0, 12)}`,
        undo: byPolicyAgain(step.sha256),
      };
    case "allow-digest":
      return {
        says: `Let files with the digest ${step.sha256.slice(0, 12)} start until ${new Date(step.expires).toISOString()}`,
        undo: byPolicyAgain(step.sha256),
      };
    case "seal-file":
      return {
        says: `Move ${step.root}${step.path} into the sealed vault, where nobody can run it`,
        undo: `Put ${step.root}${step.path} back with its owner, mode, attributes and times`,
      };
    case "cut-network":
      return { says: "Cut every connection but those to this server", undo: "Give the network back" };
    case "collect-triage":
      return {
        says:
          step.process === undefined
            ? "Look at the processes, sockets, mounts and modules of this device, and send that to the server"
            : `Look at this device and at ${step.executable ?? "process"} (${step.process.pid}) with what is around it, and send that to the server`,
      };
    default:
      return unreachable(step);
  }
}

const byPolicyAgain = (sha256: string): string =>
  `Let the policy decide again about files with the digest ${sha256.slice(0, 12)}`;
