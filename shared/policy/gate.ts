import type { GateMode, Ring } from "../model/gate.ts";
import { gateModes } from "../model/gate.ts";
import type { NameRule } from "../provenance/name-rule.ts";

export const outcomes = ["open", "known", "closed"] as const;
/** What a program meets when nobody can judge it in time. `known`: open for what ran on this device before, else closed. */
export type Outcome = (typeof outcomes)[number];

/** One outcome for each failure of ours; none of them says anything about the program. */
export interface Outcomes {
  readonly late: Outcome;
  readonly overloaded: Outcome;
  readonly unreadable: Outcome;
  readonly agentGone: Outcome;
  readonly restarted: Outcome;
  readonly unseen: Outcome;
}

/** What stands before the start of a program. */
export interface GatePolicy {
  /** A ceiling over what the rules want, where no ring says otherwise. */
  readonly mode: GateMode;
  readonly rings: readonly Ring[];
  /** A ring in which more different files are stopped than that goes back to warn by itself. */
  readonly stepBack: { readonly files: number; readonly minutes: number };
  readonly libraries: boolean;
  readonly scripts: "executed" | "strict";
  readonly syscalls: boolean;
  readonly deadlineMs: number;
  /** Only what the owner wrote; `outcomesFor` fills in the rest by mode. */
  readonly when: Partial<Outcomes>;
  readonly lineage: {
    /** How long what a verified compiler or package manager wrote may run before anything else vouches for it; 0: not at all. */
    readonly hours: number;
    /** Programs beyond the built-in lists, by their whole path. */
    readonly compilers: readonly NameRule[];
    readonly managers: readonly NameRule[];
  };
  /** Programs beyond the built-in list that start also when nobody can judge. */
  readonly core: readonly string[];
}

export const defaultGate: GatePolicy = {
  mode: "record",
  rings: [],
  stepBack: { files: 20, minutes: 10 },
  libraries: true,
  scripts: "executed",
  syscalls: true,
  deadlineMs: 2000,
  when: {},
  lineage: { hours: 24, compilers: [], managers: [] },
  core: [],
};

/** The first ring that this device is in decides; a device in none has the policy's own mode, and its ring is called "". */
export function ringFor({ rings, mode }: Pick<GatePolicy, "rings" | "mode">, groups: readonly string[]): Ring {
  return rings.find(({ group }) => groups.includes(group)) ?? { group: "", mode };
}

export const modeFor = (gate: Pick<GatePolicy, "rings" | "mode">, groups: readonly string[]): GateMode =>
  ringFor(gate, groups).mode;

/** The same rules, and in each of these rings at most its mode there. */
export function withStepsBack(gate: GatePolicy, steps: readonly Ring[]): GatePolicy {
  const milder = ({ group, mode }: Ring): GateMode => {
    const to = steps.find((step) => step.group === group)?.mode ?? mode;
    return gateModes.indexOf(to) < gateModes.indexOf(mode) ? to : mode;
  };
  return {
    ...gate,
    mode: milder({ group: "", mode: gate.mode }),
    rings: gate.rings.map((ring) => ({ ...ring, mode: milder(ring) })),
  };
}

/** Failures of ours stop nothing, except in block mode and beyond what never ran here. */
export function outcomesFor(gate: GatePolicy, mode: GateMode): Outcomes {
  const usual: Outcome = mode === "block" || mode === "quarantine" ? "known" : "open";
  return {
    late: usual,
    overloaded: usual,
    unreadable: usual,
    agentGone: usual,
    restarted: usual,
    unseen: usual,
    ...gate.when,
  };
}

/** Whether a program can be kept from starting in this mode. */
export const stops = (mode: GateMode): boolean => gateModes.indexOf(mode) >= gateModes.indexOf("hold");
