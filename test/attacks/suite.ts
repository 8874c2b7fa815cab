import type { Attack } from "./attack.ts";
import { attacks } from "./families/index.ts";
import type { Limit } from "./limits.ts";
import { buildPrograms, cannotBuild, type Programs } from "./programs.ts";
import { makeAttackRoot, type AttackRoot } from "./root.ts";
import { rowOf, type Mode, type Row } from "./rows.ts";
import { tryAttack, type Trial } from "./trial.ts";
import { cannotWatch, startWatch, type WatchTier } from "./watch.ts";
import { cannotGate } from "../support/gate-root.ts";

/** What programs/rewrite.c says. */
const victimDidNotRun = "the good program does not run";

export interface Found {
  readonly rows: readonly Row[];
  /** What could not be tried, and why: never a row. */
  readonly skipped: readonly { readonly attack: string; readonly tier: Row["tier"]; readonly why: string }[];
}

/** Why no attacks can run here; undefined where they can. */
export const cannotAttack = (): string | undefined => cannotGate() ?? cannotBuild() ?? cannotWatch();

export interface Choice {
  readonly tier: WatchTier;
  /** Only attacks whose name begins so, or as one of several between commas. */
  readonly only: string;
  readonly limits: readonly Limit[];
  readonly scratch: string;
  /** Told each row as it comes, with what its programs said. */
  readonly tell: (row: Row, said: string) => void;
}

/** Those whose name begins as one of the words between commas. */
export const chosenFrom = (only: string): readonly Attack[] =>
  attacks.filter(({ name }) => only.split(",").some((begin) => name.startsWith(begin)));

/** Each attack in record mode, which shows that it works at all, then in block mode. */
export async function attackTier(choice: Choice): Promise<Found> {
  const programs = buildPrograms(`${choice.scratch}/programs`);
  const root = makeAttackRoot(choice.scratch, programs);
  try {
    const { able, skipped } = sort(choice, root);
    const free = await attackMode(
      choice,
      "record",
      able.filter(({ holdsUp }) => !holdsUp),
      root,
      programs,
    );
    // An attack that does nothing where nothing is held back would count as blocked.
    const works = able.filter(({ name, holdsUp }) => holdsUp || free.get(name)?.outcome !== "blocked");
    const idle = able
      .filter((attack) => !works.includes(attack))
      .map(({ name }) => ({
        attack: name,
        tier: choice.tier,
        why: "it does not work here even where nothing is held back",
      }));
    const held = await attackMode(choice, "block", works, root, programs);
    const rows = works.flatMap(({ name }) => [free.get(name), held.get(name)].filter((row) => row !== undefined));
    return { rows, skipped: [...skipped, ...idle] };
  } finally {
    root.remove();
  }
}

function sort({ only, tier }: Choice, root: AttackRoot) {
  const able: Attack[] = [];
  const skipped: { attack: string; tier: Row["tier"]; why: string }[] = [];
  for (const attack of chosenFrom(only)) {
    const missing = (attack.needs ?? []).filter((need) => !root.has.has(need));
    if (attack.wholeMachine)
      skipped.push({ attack: attack.name, tier, why: "it reaches the whole kernel: only in a virtual machine" });
    else if (missing.length > 0)
      skipped.push({ attack: attack.name, tier, why: `its root has no ${missing.join(", ")}` });
    else able.push(attack);
  }
  return { able, skipped };
}

async function attackMode(
  { tier, limits, tell }: Choice,
  mode: Mode,
  chosen: readonly Attack[],
  root: AttackRoot,
  programs: Programs,
): Promise<ReadonlyMap<string, Row>> {
  const watch = await startWatch(root, tier, mode);
  try {
    if (watch.hello.tier !== tier)
      throw new Error(
        `tier ${tier} was asked for, and the sensor offers ${watch.hello.tier}: ${watch.hello.missing.join("; ")}`,
      );
    const rows = new Map<string, Row>();
    for (const attack of chosen) {
      let trial = await tryAttack(attack, root, programs, watch);
      // Where nothing is held back it works, but for those that are a matter of the moment: on a busy machine they need a few tries.
      // Where the good program did not start, nothing was shown: its file system was not under the gate yet.
      const shown = ({ ran, said }: Trial): boolean => ran || (mode === "block" && !said.includes(victimDidNotRun));
      for (let more = 2; !shown(trial) && more > 0; more -= 1) trial = await tryAttack(attack, root, programs, watch);
      const row = rowOf(attack.name, tier, mode, trial, limits);
      rows.set(attack.name, row);
      tell(row, trial.said);
    }
    return rows;
  } finally {
    await watch.stop();
  }
}
