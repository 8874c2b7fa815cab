import { limitFor, type Limit } from "./limits.ts";
import type { Trial } from "./trial.ts";

export type Mode = "record" | "block";
/** `seen`: its bytes ran, and the sensor told of it. */
export type Outcome = "blocked" | "seen" | "ran";

/** One attack at one tier in one mode: what `npm run attacks -- --json` prints. */
export interface Row {
  readonly attack: string;
  readonly tier: "A" | "B" | "C";
  readonly mode: Mode;
  readonly outcome: Outcome;
  /** docs/limitations.md tells of it, with a reason. */
  readonly listed: boolean;
}

export function rowOf(attack: string, tier: Row["tier"], mode: Mode, trial: Trial, limits: readonly Limit[]): Row {
  const outcome = !trial.ran ? "blocked" : trial.seen ? "seen" : "ran";
  return { attack, tier, mode, outcome, listed: limitFor(limits, attack, tier, mode) !== undefined };
}

/** What is wrong with a row, in a sentence; undefined where it is as it should be, or as the page admits. */
export function faultOf({ attack, tier, mode, outcome }: Row, limits: readonly Limit[]): string | undefined {
  const listed = limitFor(limits, attack, tier, mode);
  const isGood = outcome === "blocked" || (outcome === "seen" && mode === "record");
  if (listed === "sometimes" || (!isGood && listed === outcome)) return undefined;
  const what = `${attack} at tier ${tier} in ${mode} mode`;
  if (listed !== undefined)
    return `${what} is ${outcome}: docs/limitations.md says "${listed}", which is no longer true`;
  return isGood
    ? undefined
    : `${what} ${outcome === "ran" ? "ran unseen" : "ran, and was seen"}: docs/limitations.md does not tell of it`;
}
