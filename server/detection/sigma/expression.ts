/** What a rule looks for, as one tree. Built by the readers, only read from then on. */
import type { Address } from "./address.ts";
import type { Pattern } from "./pattern.ts";
import type { TimePart } from "./time-part.ts";

export type Expression =
  | { readonly kind: "and" | "or"; readonly of: readonly Expression[] }
  | { readonly kind: "at-least"; readonly count: number; readonly of: readonly Expression[] }
  | { readonly kind: "not"; readonly of: Expression }
  | Atom;

/** One question about one field; without a field, about the whole event. */
export interface Atom {
  readonly kind: "atom";
  readonly selection: string;
  readonly field: string | undefined;
  readonly test: Test;
  readonly line: number;
}

export type Comparison = "lt" | "lte" | "gt" | "gte" | "eq";
export type Placement = "equals" | "starts" | "ends" | "contains";

export type Test =
  | { readonly test: "text"; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly test: "number"; readonly value: number; readonly spelling: string }
  | { readonly test: "boolean"; readonly value: boolean }
  | { readonly test: "null" }
  | { readonly test: "exists"; readonly wanted: boolean }
  | { readonly test: "compare"; readonly comparison: Comparison; readonly value: number }
  | { readonly test: "time"; readonly part: TimePart; readonly comparison: Comparison; readonly value: number }
  | { readonly test: "regex"; readonly source: string; readonly flags: string }
  | { readonly test: "network"; readonly network: Address; readonly bits: number; readonly spelling: string }
  | { readonly test: "field"; readonly other: string; readonly placement: Placement; readonly cased: boolean };

/** No needless levels: and(and(a, b), c) is and(a, b, c), and one of one is itself. */
export function all(of: readonly Expression[]): Expression {
  return joined("and", of);
}
export function any(of: readonly Expression[]): Expression {
  return joined("or", of);
}

function joined(kind: "and" | "or", of: readonly Expression[]): Expression {
  const flat = of.flatMap((part) => (part.kind === kind ? part.of : [part]));
  const [first] = flat;
  return flat.length === 1 && first !== undefined ? first : { kind, of: flat };
}

export function* atomsOf(expression: Expression): Generator<Atom> {
  switch (expression.kind) {
    case "atom":
      yield expression;
      return;
    case "not":
      yield* atomsOf(expression.of);
      return;
    case "and":
    case "or":
    case "at-least":
      for (const part of expression.of) yield* atomsOf(part);
  }
}

/** How many questions the expression asks, counted no further than `most`: "1 of them", written often, asks all of them each time. */
export function countAtoms(expression: Expression, most: number): number {
  let count = 0;
  for (const _ of atomsOf(expression)) if (++count > most) break;
  return count;
}
