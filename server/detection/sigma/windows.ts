/**
 * What a correlation remembers of one group, and when that is enough. Two kinds: those that say so as soon as it is so (`gte`, `gt`),
 * over the time until now; and those that have to wait until a time is over, because more could still come (`lt`, `eq`, an average).
 */
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { Bound, Correlation } from "./read-correlation.ts";

/** What one event brings to a group. */
export interface Contribution {
  readonly at: number;
  /** Places in the correlation's list of rules that the event stands for. */
  readonly rules: readonly number[];
  /** Of the condition's fields, where there are any. */
  readonly value: string | undefined;
}

export interface Window {
  /** What was measured, if the condition holds now. */
  add(contribution: Contribution): number | undefined;
  /** The same, at the end of a window that has to be waited for. */
  close(): readonly number[];
  /** How much is remembered, for the bound on all groups together. */
  readonly size: number;
}

/** Values of one group that are kept at a time. */
const mostKept = 10_000;

/** Does it wait for the end of its time? */
export function waits({ type, limits }: Correlation): boolean {
  if (type === "temporal" || type === "temporal_ordered") return false;
  if (type === "value_avg" || type === "value_median" || type === "value_percentile") return true;
  return limits.some(([bound]) => bound !== "gt" && bound !== "gte");
}

/** `forget` is told of each contribution for which there was no more room. */
export function openWindow(correlation: Correlation, forget: () => void): Window {
  switch (correlation.type) {
    case "temporal":
      return rulesWithin(correlation);
    case "temporal_ordered":
      return rulesInOrder(correlation);
    case "event_count":
      return waits(correlation) ? countAll(correlation) : countWithin(correlation);
    case "value_count":
      return waits(correlation) ? countAllValues(correlation, forget) : countValuesWithin(correlation);
    case "value_sum":
      return waits(correlation) ? measureAll(correlation, forget, sum) : sumWithin(correlation, forget);
    case "value_avg":
      return measureAll(correlation, forget, (values) => sum(values) / values.length);
    case "value_median":
      return measureAll(correlation, forget, (values) => percentile(values, 50));
    case "value_percentile":
      return correlation.percentile === undefined
        ? shares(correlation, forget)
        : measureAll(correlation, forget, (values) => percentile(values, correlation.percentile ?? 50));
    default:
      return unreachable(correlation.type);
  }
}

export function within(limits: Correlation["limits"], measured: number): boolean {
  return limits.every(([bound, value]) => holds(bound, measured, value));
}

function holds(bound: Bound, measured: number, value: number): boolean {
  switch (bound) {
    case "gt":
      return measured > value;
    case "gte":
      return measured >= value;
    case "lt":
      return measured < value;
    case "lte":
      return measured <= value;
    case "eq":
      return measured === value;
    case "neq":
      return measured !== value;
    default:
      return unreachable(bound);
  }
}

/** The least whole number that satisfies every limit from below. */
function threshold(limits: Correlation["limits"]): number {
  return Math.max(1, ...limits.map(([bound, value]) => (bound === "gt" ? Math.floor(value) + 1 : Math.ceil(value))));
}

/** No more times are kept than have to be counted. */
function countWithin({ limits, timespan }: Correlation): Window {
  const wanted = threshold(limits);
  const times: number[] = [];
  return {
    get size() {
      return times.length;
    },
    close: () => [],
    add({ at }) {
      let place = times.length;
      while (place > 0 && (times[place - 1] ?? 0) > at) place--;
      times.splice(place, 0, at);
      if (times.length > wanted) times.shift();
      return times.length === wanted && (times.at(-1) ?? 0) - (times[0] ?? 0) <= timespan ? wanted : undefined;
    },
  };
}

function countValuesWithin({ limits, timespan }: Correlation): Window {
  const wanted = threshold(limits);
  // In the order in which they were last seen.
  const seen = new Map<string, number>();
  let newest = 0;
  return {
    get size() {
      return seen.size;
    },
    close: () => [],
    add({ at, value }) {
      if (value === undefined) return undefined;
      newest = Math.max(newest, at);
      seen.delete(value);
      seen.set(value, at);
      for (const [old, last] of seen) {
        if (newest - last <= timespan && seen.size <= wanted) break;
        seen.delete(old);
      }
      return seen.size >= wanted ? seen.size : undefined;
    },
  };
}

function sumWithin({ limits, timespan }: Correlation, forget: () => void): Window {
  const entries: { readonly at: number; readonly value: number }[] = [];
  let total = 0;
  return {
    get size() {
      return entries.length;
    },
    close: () => [],
    add({ at, value }) {
      const number = numeric(value);
      if (number === undefined) return undefined;
      entries.push({ at, value: number });
      total += number;
      for (let first = entries[0]; first !== undefined && at - first.at > timespan; first = entries[0]) {
        total -= first.value;
        entries.shift();
      }
      if (entries.length > mostKept) {
        total -= entries.shift()?.value ?? 0;
        forget();
      }
      return within(limits, total) ? total : undefined;
    },
  };
}

function rulesWithin({ rules, limits, timespan }: Correlation): Window {
  const last = new Map<number, number>();
  return {
    size: rules.length,
    close: () => [],
    add({ at, rules: seen }) {
      for (const rule of seen) last.set(rule, Math.max(at, last.get(rule) ?? 0));
      const newest = Math.max(...last.values());
      const count = [...last.values()].filter((time) => newest - time <= timespan).length;
      return within(limits, count) ? count : undefined;
    },
  };
}

/** Of each place in the order: when the chain that reached it began, the later the better, and when it got there. */
function rulesInOrder({ rules, limits, timespan }: Correlation): Window {
  const chains: ({ readonly began: number; readonly reached: number } | undefined)[] = rules.map(() => undefined);
  const wanted = Math.min(rules.length, threshold(limits));
  return {
    size: rules.length,
    close: () => [],
    add({ at, rules: seen }) {
      // From the back, so that one event takes one place in a chain.
      for (const rule of seen.toSorted((a, b) => b - a)) {
        const before = rule === 0 ? { began: at, reached: at } : chains[rule - 1];
        if (before === undefined || before.reached > at || at - before.began > timespan) continue;
        const known = chains[rule];
        if (known === undefined || before.began >= known.began) chains[rule] = { began: before.began, reached: at };
      }
      const end = chains[wanted - 1];
      return end !== undefined && end.reached === at && at - end.began <= timespan ? wanted : undefined;
    },
  };
}

function countAll({ limits }: Correlation): Window {
  let count = 0;
  return {
    size: 1,
    add() {
      count++;
      return undefined;
    },
    close: () => (within(limits, count) ? [count] : []),
  };
}

function countAllValues({ limits }: Correlation, forget: () => void): Window {
  const seen = new Set<string>();
  return {
    get size() {
      return seen.size;
    },
    add({ value }) {
      if (value === undefined || seen.has(value)) return undefined;
      if (seen.size >= mostKept) forget();
      else seen.add(value);
      return undefined;
    },
    close: () => (within(limits, seen.size) ? [seen.size] : []),
  };
}

function measureAll(
  { limits }: Correlation,
  forget: () => void,
  measure: (values: readonly number[]) => number,
): Window {
  const values: number[] = [];
  return {
    get size() {
      return values.length;
    },
    add({ value }) {
      const number = numeric(value);
      if (number === undefined) return undefined;
      if (values.length >= mostKept) forget();
      else values.push(number);
      return undefined;
    },
    close() {
      if (values.length === 0) return [];
      const measured = measure(values);
      return within(limits, measured) ? [measured] : [];
    },
  };
}

/** Which part of all events, in hundredths, has each value: how the specification's own example finds rare programs. */
function shares({ limits }: Correlation, forget: () => void): Window {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    get size() {
      return counts.size;
    },
    add({ value }) {
      if (value === undefined) return undefined;
      const known = counts.get(value);
      if (known === undefined && counts.size >= mostKept) forget();
      else counts.set(value, (known ?? 0) + 1);
      total++;
      return undefined;
    },
    close: () => [...counts.values()].map((count) => (count * 100) / total).filter((share) => within(limits, share)),
  };
}

function numeric(value: string | undefined): number | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** By linear interpolation between the closest ranks. */
function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(rank)] ?? 0;
  const above = sorted[Math.ceil(rank)] ?? below;
  return below + (above - below) * (rank - Math.floor(rank));
}
