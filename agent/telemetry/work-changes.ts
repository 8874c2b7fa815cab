import type { ObservedProcess } from "@provost/shared/model/observed.ts";
import { workOf } from "@provost/shared/model/work.ts";

/** Told from the first of these on: early enough that a rule stops it before twenty files are lost. */
const steps: ReadonlySet<number> = new Set([10, 15, 20, 30, 50, 100, 200, 500, 1000, 5000, 20_000]);
/** Honest scripts change a few files through short programs: of a whole piece of work more has to be seen. */
const fewestSpread = 20;
const windowMs = 30_000;
const mostCounters = 2048;
const mostMade = 16_384;
/** What a process did is told up to a moment after its end. */
const mostOver = 64;

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
  /** By process: the paths themselves are held elsewhere anyway, and a text of both for each would be most of what this agent holds. */
  readonly #made = new Map<string, Set<string>>();
  readonly #over: string[] = [];
  #madeCount = 0;

  /** A file that a process made itself is no loss, whatever it does with it later. */
  made(actor: ObservedProcess, path: string): void {
    const key = keyOf(actor);
    const paths = this.#made.get(key) ?? new Set();
    if (!paths.has(path)) this.#madeCount += 1;
    paths.add(path);
    // The process that made something last goes to the end: where there are too many, the oldest process's are forgotten.
    this.#made.delete(key);
    this.#made.set(key, paths);
    if (this.#madeCount > mostMade) this.#forgetOldest(paths);
  }

  isMadeBy(actor: ObservedProcess, path: string): boolean {
    return this.#made.get(keyOf(actor))?.has(path) === true;
  }

  /** It makes nothing any more. */
  ended(actor: ObservedProcess): void {
    const key = keyOf(actor);
    if (!this.#made.has(key)) return;
    this.#over.push(key);
    const longest = this.#over.length > mostOver ? this.#over.shift() : undefined;
    if (longest !== undefined) this.#forget(longest);
  }

  /** What ended processes made is not asked about any more. */
  rest(): void {
    for (const key of this.#over.splice(0)) this.#forget(key);
  }

  #forgetOldest(newest: Set<string>): void {
    const [oldest] = this.#made.keys();
    if (oldest !== undefined && this.#made.get(oldest) !== newest) return this.#forget(oldest);
    const [first] = newest;
    if (first !== undefined && newest.delete(first)) this.#madeCount -= 1;
  }

  #forget(key: string): void {
    this.#madeCount -= this.#made.get(key)?.size ?? 0;
    this.#made.delete(key);
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
    for (const [oldest, { since }] of this.#counters) {
      if (now - since <= windowMs && this.#counters.size <= mostCounters) break;
      this.#counters.delete(oldest);
    }
    return steps.has(counter.count) ? counter.count : undefined;
  }
}

const keyOf = ({ pid, startedAt }: ObservedProcess): string => `${pid}@${startedAt}`;
