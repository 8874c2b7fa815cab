import type { DeviceId, Instant, Sha256 } from "./ids.ts";
import type { bases, Standing } from "./verdict.ts";

/** What detection says: findings, and the incidents they are folded into. */

export const levels = ["informational", "low", "medium", "high", "critical"] as const;
export type Level = (typeof levels)[number];

/** Who recognised it: a Sigma rule, a rule of our own with memory, an indicator, or the gate and the watch over a device. */
export const findingSources = ["sigma", "reducer", "intel", "gate", "watch"] as const;
export type FindingSource = (typeof findingSources)[number];

/** A process by what survives the reuse of its number: as `ObservedProcess` has them. */
export interface ProcessKey {
  readonly pid: number;
  readonly startedAt: string;
}

/** What bytes are worth at the moment they ran. `says` in the words of the verdict. */
export interface Worth {
  readonly standing: Standing;
  readonly basis: (typeof bases)[number];
  readonly sha256?: Sha256;
  readonly package?: string;
}

/** What a finding is about. The first that applies: a file by its bytes, a process, a package, a destination. */
export type FindingSubject =
  | { readonly kind: "file"; readonly path: string; readonly sha256?: Sha256 }
  | { readonly kind: "process"; readonly key: ProcessKey; readonly path: string }
  | { readonly kind: "package"; readonly purl: string }
  | { readonly kind: "destination"; readonly address: string; readonly port?: number; readonly name?: string }
  | { readonly kind: "device" };

/** One process on the way from the finding's own up to the first, with what its program is worth. */
export interface LineageProcess extends ProcessKey {
  readonly executable: string;
  readonly command: string;
  readonly user?: string;
  readonly script?: string;
  /** Of the program alone; `tag` is what the process inherited as well (server/detection/tree). */
  readonly worth?: Worth;
  readonly tag?: Worth;
}

export interface DetectedFinding {
  /** The same observation through the same rule has the same id: telling it twice changes nothing. */
  readonly id: string;
  readonly device: DeviceId;
  readonly at: Instant;
  readonly source: FindingSource;
  readonly rule: {
    readonly id: string;
    readonly title: string;
    /** Stays with every alert: the Detection Rule License 1.1 asks for it. */
    readonly author?: string;
    readonly license?: string;
    readonly references?: readonly string[];
  };
  readonly level: Level;
  /** ATT&CK technique ids, "T1059.004". */
  readonly techniques: readonly string[];
  /** What happened, for a person: one sentence with names, no rule's jargon. */
  readonly sentence: string;
  readonly subject: FindingSubject;
  /** The process that did it, then its parent, and so on; empty where no process did. */
  readonly lineage: readonly LineageProcess[];
  /** Ids of stored events; the one that completed it stands last. */
  readonly events: readonly string[];
  /** How much what is known of the bytes' origin changed: 0 (as always) to 1 (refuted, downgraded, moved). */
  readonly provenanceChange?: number;
  /** How rare this is on the fleet: 0 (everywhere) to 1 (never seen). */
  readonly rarity?: number;
  /** Why, in sentences: of its bytes, of who started it, of whom it called. */
  readonly usual?: readonly string[];
  readonly facts: Readonly<Record<string, string>>;
}

export const incidentStates = ["open", "contained", "closed"] as const;
export type IncidentState = (typeof incidentStates)[number];
