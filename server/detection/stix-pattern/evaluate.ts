/** A pattern against observations: which of them, together, are what it describes. Bounded in steps, whatever the pattern says. */
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import { compares } from "./compare.ts";
import { readObservedData, type Observation, type ObservedData, type StixObject } from "./observed-data.ts";
import { readPattern } from "./parse.ts";
import {
  PatternFault,
  type ComparisonExpression,
  type ObjectPath,
  type ObservationExpression,
  type Step,
} from "./pattern.ts";

export type PatternResult =
  | { readonly kind: "match"; readonly observations: readonly string[] }
  | { readonly kind: "no-match" }
  /** The pattern, or what was observed, cannot be read or compared; or there are too many ways to try. */
  | { readonly kind: "error"; readonly why: string };

const mostSteps = 2_000_000;
/** Values that paths lead to, of all objects together. */
const mostLooks = 20_000_000;

export function matchPattern(pattern: string, bundles: readonly unknown[]): PatternResult {
  try {
    const expression = readPattern(pattern);
    const data = readObservedData(bundles);
    for (const binding of new Search(data).bindings(expression, anyTime)) {
      const ids = binding.used.map((at) => data.observations[at]?.id ?? "");
      return { kind: "match", observations: [...new Set(ids)] };
    }
    return { kind: "no-match" };
  } catch (cause) {
    if (cause instanceof PatternFault) return { kind: "error", why: cause.message };
    throw cause;
  }
}

/** Observations that stand for the parts of an expression. One that was seen three times may stand three times. */
interface Binding {
  readonly used: readonly number[];
  /** The latest beginning and the earliest end: times can be chosen as close as their difference. */
  readonly latest: number;
  readonly earliest: number;
}

/** What every part has to keep to, so that it is not followed where it leads nowhere. */
interface Window {
  readonly span: number;
  readonly start: number;
  readonly stop: number;
}

const anyTime: Window = {
  span: Number.POSITIVE_INFINITY,
  start: Number.NEGATIVE_INFINITY,
  stop: Number.POSITIVE_INFINITY,
};

class Search {
  private steps = mostSteps;
  private looks = mostLooks;
  private readonly data: ObservedData;
  private readonly matched = new Map<ComparisonExpression, readonly number[]>();

  constructor(data: ObservedData) {
    this.data = data;
  }

  *bindings(expression: ObservationExpression, window: Window): Generator<Binding> {
    switch (expression.kind) {
      case "observation":
        for (const at of this.observed(expression.of)) {
          const { first, last } = this.observation(at);
          this.step();
          if (first < window.stop && last >= window.start) yield { used: [at], latest: first, earliest: last };
        }
        return;
      case "or":
        for (const part of expression.of) yield* this.bindings(part, window);
        return;
      case "and":
      case "followed-by":
        for (const left of this.bindings(expression.left, window))
          for (const right of this.bindings(expression.right, window)) {
            if (expression.kind === "followed-by" && left.latest > right.earliest) continue;
            const joined = this.join(left, right, window);
            if (joined !== undefined) yield joined;
          }
        return;
      case "within":
        yield* this.bindings(expression.of, { ...window, span: Math.min(window.span, expression.milliseconds) });
        return;
      case "between":
        if (expression.start < expression.stop)
          yield* this.bindings(expression.of, {
            ...window,
            start: Math.max(window.start, expression.start),
            stop: Math.min(window.stop, expression.stop),
          });
        return;
      case "repeats":
        yield* this.repeated([...this.bindings(expression.of, window)], expression.times, window);
        return;
      default:
        unreachable(expression);
    }
  }

  /** Each choice of so many, in one order only. Without recursion: a pattern may want ten thousand. */
  private *repeated(choices: readonly Binding[], times: number, window: Window): Generator<Binding> {
    const chosen: { readonly at: number; readonly joined: Binding }[] = [];
    let at = 0;
    for (;;) {
      const last = chosen.at(-1)?.joined;
      if (last !== undefined && chosen.length === times) yield last;
      const choice = chosen.length < times ? choices[at] : undefined;
      if (choice === undefined) {
        const back = chosen.pop();
        if (back === undefined) return;
        at = back.at + 1;
        continue;
      }
      const joined = last === undefined ? this.fitting(choice, window) : this.join(last, choice, window);
      // The same choice again comes next: it may have been seen more than once.
      if (joined === undefined) at++;
      else chosen.push({ at, joined });
    }
  }

  private fitting(binding: Binding, { span }: Window): Binding | undefined {
    this.step();
    return binding.latest - binding.earliest <= span ? binding : undefined;
  }

  private join(left: Binding, right: Binding, window: Window): Binding | undefined {
    const joined: Binding = {
      used: [...left.used, ...right.used],
      latest: Math.max(left.latest, right.latest),
      earliest: Math.min(left.earliest, right.earliest),
    };
    if (this.fitting(joined, window) === undefined) return undefined;
    this.steps -= joined.used.length;
    const counts = new Map<number, number>();
    for (const at of joined.used) {
      const count = (counts.get(at) ?? 0) + 1;
      if (count > this.observation(at).count) return undefined;
      counts.set(at, count);
    }
    return joined;
  }

  private step(): void {
    if (--this.steps < 0)
      throw new PatternFault("there are too many ways in which these observations could fit the pattern");
  }

  private observation(at: number): Observation {
    const found = this.data.observations[at];
    if (found === undefined) throw new Error(`no observation ${at}`);
    return found;
  }

  /** Observations of which one object is so, in the order of time. */
  private observed(expression: ComparisonExpression): readonly number[] {
    const known = this.matched.get(expression);
    if (known !== undefined) return known;
    const found = this.data.observations
      .flatMap((observation, at) => (this.roots(expression, observation).size > 0 ? [at] : []))
      .toSorted((a, b) => this.observation(a).first - this.observation(b).first);
    this.matched.set(expression, found);
    return found;
  }

  /** `AND` is about one object, so it is the objects that are gathered. */
  private roots(expression: ComparisonExpression, observation: Observation): ReadonlySet<StixObject> {
    switch (expression.kind) {
      case "and": {
        const [first, ...others] = expression.of.map((part) => this.roots(part, observation));
        return new Set([...(first ?? [])].filter((object) => others.every((roots) => roots.has(object))));
      }
      case "or":
        return new Set(expression.of.flatMap((part) => [...this.roots(part, observation)]));
      case "comparison": {
        const { path, negated, test } = expression;
        const name = nameOf(path);
        return this.select(path, observation, (values) =>
          values.some((value) => compares(value, name, test) !== negated),
        );
      }
      case "exists":
        return this.select(expression.path, observation, (values) => values.length > 0 !== expression.negated);
      default:
        return unreachable(expression);
    }
  }

  private select(
    { type, steps }: ObjectPath,
    observation: Observation,
    holds: (values: readonly unknown[]) => boolean,
  ): ReadonlySet<StixObject> {
    return new Set(observation.objects.filter((object) => object.type === type && holds(this.follow(object, steps))));
  }

  /** Each value once: references may lead in circles, and a circle leads to nothing new. */
  private follow(object: StixObject, steps: readonly Step[]): readonly unknown[] {
    let values = new Set<unknown>([object]);
    let refers = false;
    for (const step of steps) {
      const next = new Set<unknown>();
      for (const value of values)
        for (const found of step.kind === "property"
          ? this.property(value, step.name, refers)
          : elements(value, step)) {
          if (--this.looks < 0) throw new PatternFault("the pattern's paths lead to too many values");
          next.add(found);
        }
      if (step.kind === "property") refers = /_refs?$/.test(step.name);
      values = next;
    }
    return [...values];
  }

  private property(value: unknown, name: string, refers: boolean): readonly unknown[] {
    return property(refers && typeof value === "string" ? this.data.byId.get(value) : value, name);
  }
}

function property(value: unknown, name: string): readonly unknown[] {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return [];
  return [(value as Readonly<Record<string, unknown>>)[name]];
}

function elements(value: unknown, step: Step): readonly unknown[] {
  if (!Array.isArray(value)) return [];
  const list: readonly unknown[] = value;
  if (step.kind === "any") return list;
  return step.kind === "index" && step.index < list.length ? [list[step.index]] : [];
}

/** Of the last property on the path: an index keeps the kind of the list it is of. */
function nameOf({ steps }: ObjectPath): string {
  return steps.findLast((step) => step.kind === "property")?.name ?? "";
}
