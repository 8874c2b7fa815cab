/** What a rule says of itself, and what comes out when it recognises something. Sigma is one kind of rule; others follow. */
export const levels = ["informational", "low", "medium", "high", "critical"] as const;
export type Level = (typeof levels)[number];

/** Goes with every finding, the author above all: the Detection Rule License 1.1 asks for it. */
export interface RuleFacts {
  /** The rule's own id; its name, or file and line, where it has none. */
  readonly id: string;
  readonly title: string;
  readonly author: string | undefined;
  readonly license: string | undefined;
  readonly level: Level;
  readonly status: string | undefined;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly references: readonly string[];
  readonly falsePositives: readonly string[];
  readonly file: string;
  readonly line: number;
}

/** Which log an event would stand in, in Sigma's three words. */
export interface LogSource {
  readonly product?: string;
  readonly category?: string;
  readonly service?: string;
}

export type Scalar = string | number | boolean | null;
export type FieldValue = Scalar | readonly Scalar[];

/** One event as rules see it: plain fields under the names that Sigma gives them. */
export interface DetectionEvent {
  /** The stored event's own name, so that a finding leads back to it. */
  readonly id: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly at: number;
  readonly source: LogSource;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** One part of a rule that held, for the person who asks why. */
export interface Reason {
  readonly selection: string;
  /** Nothing: the whole event was searched. */
  readonly field: string | undefined;
  readonly says: string;
  readonly value: string;
}

/** What a correlation counted. */
export interface Correlated {
  readonly group: Readonly<Record<string, string>>;
  /** Events, values, rules, or the sum, average or percentile, as the correlation's type has it. */
  readonly measured: number;
  readonly from: number;
  readonly to: number;
}

export interface Finding {
  readonly rule: RuleFacts;
  readonly at: number;
  /** The event that completed the finding stands last; a correlation brings those it remembers. */
  readonly events: readonly DetectionEvent[];
  readonly reasons: readonly Reason[];
  readonly correlated: Correlated | undefined;
}
