import { actions, type Action } from "../model/gate.ts";
import { matches, type NameRule } from "../provenance/name-rule.ts";
import type { TrustDocument } from "../provenance/trust.ts";
import type { Condition } from "./condition.ts";
import type { GatePolicy } from "./gate.ts";

/** The owner's rules: one numbered document. Read once, then only asked. */
export interface Policy {
  readonly number: number;
  readonly mode: "record" | "enforce";
  /** The trust document that the rules were written for, where the policy carries one; readTrust accepts it. */
  readonly trust?: TrustDocument;
  readonly expectations: readonly Expectation[];
  readonly requirements: readonly Requirement[];
  readonly otherwise: Otherwise;
  readonly exceptions: readonly Exception[];
  /** What stands before the start of a program on a device. */
  readonly gate: GatePolicy;
}

export { actions, type Action };

/** What is expected of a package whenever it is met. */
export interface Expectation {
  readonly name: string;
  readonly package: NameRule;
  readonly source?: NameRule;
  readonly signer?: NameRule;
  readonly builder?: NameRule;
  /** Of the source: "github.com/owner", and which of its references and commits. */
  readonly owner?: NameRule;
  readonly ref?: NameRule;
  readonly branch?: NameRule;
  readonly tag?: NameRule;
  readonly commit?: NameRule;
  /** Of the build. `inputs`: each that is named has to be as written. */
  readonly workflow?: NameRule;
  readonly buildType?: NameRule;
  readonly runner?: "hosted" | "self-hosted";
  readonly inputs?: Readonly<Record<string, NameRule>>;
  /** Of the signature: who vouched for the identity; how many log entries and words about the time hold. */
  readonly issuer?: NameRule;
  readonly minimumLogEntries?: number;
  readonly minimumTimes?: number;
  /** Of a verification summary: who verified, and levels that it has to state. */
  readonly verifier?: NameRule;
  readonly verifiedLevels?: readonly string[];
  readonly minimumLevel?: number;
  readonly noDowngrade: boolean;
  readonly minimumAgeHours?: number;
  readonly seenOnDevices?: number;
}

/** Where `match` holds, the verdict has to have one of the standings (and bases), or `otherwise` happens. */
export interface Requirement {
  readonly name: string;
  readonly match: Match;
  readonly standings: readonly string[];
  readonly bases: readonly string[] | undefined;
  readonly minimumLevel: number | undefined;
  readonly otherwise: Partial<Otherwise>;
}

/** By cause: refuted, unproven, unchecked, late (the check did not end in time), unexpected (an expectation not met). */
export interface Otherwise {
  readonly refuted: Action;
  readonly unproven: Action;
  readonly unchecked: Action;
  readonly late: Action;
  readonly unexpected: Action;
}

export interface Match {
  readonly group?: string;
  readonly user?: string;
  readonly path?: NameRule;
  readonly package?: NameRule;
  readonly privileged?: boolean;
  readonly listening?: boolean;
  readonly when?: Condition;
}

export interface Exception {
  readonly name: string;
  readonly match: Match & { readonly sha256?: string };
  readonly owner: string;
  readonly reason: string;
  readonly expires: number;
}

export const named = (rule: NameRule | undefined, name: string | undefined): boolean =>
  rule === undefined || (name !== undefined && matches(rule, name));
