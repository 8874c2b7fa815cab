/** What the gate did, in the words that the policy, the wire and the console share. */

/** From the mildest to the strongest: what a policy can want done about a file. */
export const actions = ["allow", "record", "warn", "hold", "block", "quarantine"] as const;
export type Action = (typeof actions)[number];

/**
 * How far the gate goes on a device, whatever the policy wants: a ceiling. `quarantine`: what is blocked and new on the device is
 * sealed away as well.
 */
export const gateModes = ["off", "record", "warn", "hold", "block", "quarantine"] as const;
export type GateMode = (typeof gateModes)[number];

/** Devices that get a change together, by the group that names them in their configuration; "": those in none of the others. */
export interface Ring {
  readonly group: string;
  readonly mode: GateMode;
}

/** What the device's kernel lets the sensor do: A BPF LSM; B a check in the kernel above fanotify; C fanotify; P no gate. */
export const tiers = ["A", "B", "C", "P"] as const;
export type Tier = (typeof tiers)[number];

/** How a file was about to be used. `input`: an interpreter opened it. */
export const accesses = ["exec", "library", "script", "input"] as const;
export type Access = (typeof accesses)[number];

/** What a device reports of itself when something is wrong with its watch. */
export const alarmKinds = ["tamper", "lost", "degraded", "restarted", "missing", "stopped"] as const;
export type AlarmKind = (typeof alarmKinds)[number];

/** What a list of findings may hold besides: the server's own observation that a device says nothing any more. */
export const findingKinds = ["silent", ...alarmKinds] as const;
export type FindingKind = (typeof findingKinds)[number];

/** What came of it, in the order of weight. `would`: it ran, and the policy would have stopped it had the mode allowed. */
export const outcomes = ["stopped", "held", "would", "warned", "allowed"] as const;
export type Outcome = (typeof outcomes)[number];

export function outcomeOf(decision: {
  readonly allowed: boolean;
  readonly action: Action;
  readonly would?: Action | undefined;
}): Outcome {
  if (!decision.allowed) return decision.action === "hold" ? "held" : "stopped";
  const wanted = decision.would ?? decision.action;
  if (actions.indexOf(wanted) >= actions.indexOf("hold")) return "would";
  return wanted === "warn" ? "warned" : "allowed";
}
