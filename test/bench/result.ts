/** One goal of a bench: what was wanted, what came out, and whether that is good enough. */
export interface Goal {
  readonly goal: string;
  readonly wanted: number;
  readonly got: number;
  readonly unit: string;
  readonly holds: boolean;
}

export interface Result {
  readonly name: string;
  readonly figures: Readonly<Record<string, number | string>>;
  readonly goals: readonly Goal[];
}

export interface Options {
  /** Folders that the product's walk leaves out. */
  readonly excluded: readonly string[];
  /** One line for the person who waits. */
  readonly say: (line: string) => void;
  /** How much of its synthetic data a bench makes, where it makes some; its own default without. */
  readonly size?: number;
  /** Only these parts, where a bench has several; all without. */
  readonly parts?: readonly string[];
}

export type Bench = (options: Options) => Promise<Result>;

/** A goal that holds at `wanted` or below. */
export const atMost = (goal: string, wanted: number, got: number, unit: string): Goal => ({
  goal,
  wanted,
  got: round(got, 2),
  unit,
  holds: Number.isFinite(got) && got <= wanted,
});

/** A goal that holds only below `wanted`. */
export const below = (goal: string, wanted: number, got: number, unit: string): Goal => ({
  ...atMost(goal, wanted, got, unit),
  holds: Number.isFinite(got) && got < wanted,
});

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export function round(value: number, digits = 1): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
