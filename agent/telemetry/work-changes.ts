import type { ObservedProcess } from "@provost/shared/model/observed.ts";
import { workOf } from "@provost/shared/model/work.ts";

/** Told from the first of these on: early enough that a rule stops it before twenty files are lost. */
const steps: ReadonlySet<number> = new Set([10, 15, 20, 30, 50, 100, 200, 500, 1000, 5000, 20_000]);
/** Honest scripts change a few files through short programs: of a whole piece of work more has to be seen. */
const fewestSpread = 20;
const windowMs = 30_000;
const mostCounters = 2048;
const mostMade = 16_384;

interface Counter {
  readonly names: Set<string>;
  count: number;
  since: number;
}

export interface Changes {
  readonly count: number;
  /** Counted over the whole piece of work, and not over the process alone. */
  readonly spread?: true;
}

/**
 * How many files a process changes in half a minute, and how many the work that it is part of: a script with all that it starts. In whatever
 * folders. One file after another is nothing to tell; many of them may be.
 */
export class WorkChanges {
  readonly #counters = new Map<string, Counter>();
  readonly #made = new Set<string>();

  /** A file that a process made itself is no loss, whatever it does with it later. */
  made(actor: ObservedProcess, path: string): void {
    const key = `${keyOf(actor)} ${path}`;
    this.#made.delete(key);
    this.#made.add(key);
    if (this.#made.size > mostMade) dropFirst(this.#made);
  }

  isMadeBy(actor: ObservedProcess, path: string): boolean {
    return this.#made.has(`${keyOf(actor)} ${path}`);
  }

  /** The number of different files, where it is one to tell. Only what was there before counts. */
  note(actor: ObservedProcess, path: string, change: string, now: number): Changes | undefined {
    if (change === "created" || this.isMadeBy(actor, path)) return undefined;
    const verb = change === "deleted" ? "deleted" : "changed";
    const work = workOf(actor);
    const own = this.#add(`process ${keyOf(actor)} ${verb}`, path, now);
    const all = work === actor ? undefined : this.#add(`work ${keyOf(work)} ${verb}`, path, now);
    if (own !== undefined) return { count: own };
    return all === undefined || all < fewestSpread ? undefined : { count: all, spread: true };
  }

  #add(key: string, path: string, now: number): number | undefined {
    const known = this.#counters.get(key);
    const counter =
      known === undefined || now - known.since > windowMs ? { names: new Set<string>(), count: 0, since: now } : known;
    if (counter.names.has(path)) return undefined;
    // Enough to tell files apart while they are few; later ones only count.
    if (counter.names.size < 1000) counter.names.add(path);
    counter.count += 1;
    this.#counters.delete(key);
    this.#counters.set(key, counter);
    if (this.#counters.size > mostCounters) dropFirst(this.#counters);
    return steps.has(counter.count) ? counter.count : undefined;
  }
}

const keyOf = ({ pid, startedAt }: ObservedProcess): string => `${pid}@${startedAt}`;

function dropFirst(all: { keys(): Iterator<string>; delete(key: string): boolean }): void {
  const { value, done } = all.keys().next();
  if (done !== true) all.delete(value);
}
