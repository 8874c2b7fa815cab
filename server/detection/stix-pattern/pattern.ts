/** STIX 2.1 patterns (section 9 of the specification) as one tree. */
export type ObservationExpression =
  | { readonly kind: "observation"; readonly of: ComparisonExpression }
  | { readonly kind: "or"; readonly of: readonly ObservationExpression[] }
  | {
      readonly kind: "and" | "followed-by";
      readonly left: ObservationExpression;
      readonly right: ObservationExpression;
    }
  | { readonly kind: "within"; readonly of: ObservationExpression; readonly milliseconds: number }
  | { readonly kind: "repeats"; readonly of: ObservationExpression; readonly times: number }
  | { readonly kind: "between"; readonly of: ObservationExpression; readonly start: number; readonly stop: number };

/** About one object of one observation. */
export type ComparisonExpression =
  | { readonly kind: "and" | "or"; readonly of: readonly ComparisonExpression[] }
  | { readonly kind: "comparison"; readonly path: ObjectPath; readonly negated: boolean; readonly test: Comparison }
  | { readonly kind: "exists"; readonly path: ObjectPath; readonly negated: boolean };

export interface ObjectPath {
  readonly type: string;
  readonly steps: readonly Step[];
}

export type Step =
  | { readonly kind: "property"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "any" };

export type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=";

export type Comparison =
  | { readonly kind: "order"; readonly operator: Operator; readonly literal: Literal }
  | { readonly kind: "in"; readonly literals: readonly Literal[] }
  | { readonly kind: "like" | "subset" | "superset"; readonly text: string }
  | { readonly kind: "matches"; readonly source: string; readonly holds: (text: string) => boolean };

export type Literal =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "binary"; readonly value: Uint8Array }
  | { readonly kind: "time"; readonly value: bigint };

/** Why a pattern cannot be read, and where; or why it cannot be compared with what was observed. Caught at the door. */
export class PatternFault extends Error {
  override readonly name = "PatternFault";
}
