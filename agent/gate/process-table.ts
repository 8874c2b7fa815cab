import { dropFirst } from "@provost/shared/lib/drop-first.ts";
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { pathText, safeText } from "@provost/shared/lib/path-text.ts";
import { parseStat, ticksPerSecond } from "../inventory/proc-text.ts";
import type { EventBatch, ProcessReader } from "../sensors/sensor.ts";

export interface KnownProcess {
  readonly pid: number;
  /** Clock ticks since boot: with the pid it names a process for as long as the machine runs. */
  readonly startTick: number;
  readonly parent: number;
  /** Its program, as path text; empty where it has none of its own. */
  readonly program: string;
  /** Its program's inode; 0 where it ran before anybody told. */
  readonly inode: number;
  /** Its arguments as Latin-1, NUL between them. */
  readonly words: string;
}

const nsPerTick = 1e9 / ticksPerSecond;
/** Processes that ended are asked about a moment longer: what they wrote may run only now. */
const keptEnded = 4096;
const mostAlive = 16_384;
/** Of an ended process's arguments, Latin-1 bytes: its script stands at their beginning, and thousands of long ones would be megabytes. */
const keptWords = 512;

/**
 * Who runs as which number: from the sensor's events, and from /proc for what ran before them. The kernel prints starts in ticks, the
 * sensor tells them in nanoseconds; ticks are what both can say.
 */
export class ProcessTable implements ProcessReader {
  readonly #alive = new Map<number, KnownProcess>();
  /** By number: one comes round again only after far more ends than are kept. */
  readonly #ended = new Map<number, KnownProcess>();
  #changes = 0;

  /** Counts starts, forks and ends that were told. */
  get changes(): number {
    return this.#changes;
  }

  take(events: EventBatch): void {
    events.processes(this);
  }

  exec(pid: number, started: number, parent: number, program: string, words: string, inode = 0): void {
    this.#changes += 1;
    this.#put({ pid, startTick: tickOf(started), parent, program, inode, words });
  }

  fork(child: number, childStarted: number, parent: number): void {
    this.#changes += 1;
    const forked = this.#alive.get(parent);
    const startTick = tickOf(childStarted);
    // The exec may have been told first, by another processor's ring.
    if (this.#alive.get(child)?.startTick === startTick) return;
    this.#put({
      pid: child,
      startTick,
      parent,
      program: forked?.program ?? "",
      inode: forked?.inode ?? 0,
      words: forked?.words ?? "",
    });
  }

  exit(pid: number, started: number): void {
    this.#changes += 1;
    const known = this.#alive.get(pid);
    if (known === undefined || known.startTick !== tickOf(started)) return;
    this.#alive.delete(pid);
    this.#ended.delete(pid);
    this.#ended.set(pid, known.words.length > keptWords ? { ...known, words: cutWords(known.words) } : known);
    if (this.#ended.size > keptEnded) dropFirst(this.#ended);
  }

  /** Undefined: nobody told of it, and it is not in /proc. */
  find(pid: number, started: number): KnownProcess | undefined {
    const startTick = tickOf(started);
    const alive = this.#alive.get(pid);
    if (alive?.startTick === startTick) return alive;
    const ended = this.#ended.get(pid);
    return ended?.startTick === startTick ? ended : fromProc(pid, startTick);
  }

  /** Who has this number now, or had it a moment ago; undefined: nobody. */
  now(pid: number): KnownProcess | undefined {
    return this.#alive.get(pid) ?? fromProc(pid, undefined);
  }

  /** From the process's parent upwards, at most `most` of them. */
  parents(of: KnownProcess, most: number): readonly KnownProcess[] {
    const found: KnownProcess[] = [];
    let at = this.#alive.get(of.parent);
    while (at !== undefined && found.length < most && !found.includes(at)) {
      found.push(at);
      at = this.#alive.get(at.parent);
    }
    return found;
  }

  /** Everyone whom a process started, and whom those started, also where the one in between has ended. */
  descendants(pid: number, startTick: number): readonly number[] {
    const known = [...this.#ended.values(), ...this.#alive.values()].toSorted((a, b) => a.startTick - b.startTick);
    const holders = Map.groupBy(known, (one) => one.pid);
    const isTarget = (one: KnownProcess): boolean => one.pid === pid && one.startTick === startTick;
    const below = new Set<KnownProcess>();
    // Sorted by their starts one round finds nearly all; parent and child may have begun in the same tick.
    for (let before = -1; before < below.size;) {
      before = below.size;
      for (const one of known) {
        const parent = holderAt(holders.get(one.parent) ?? [], one.startTick);
        const isChild = parent === undefined ? one.parent === pid && one.startTick >= startTick : isTarget(parent);
        if (isChild || (parent !== undefined && below.has(parent))) below.add(one);
      }
    }
    return [...below].filter((one) => this.#alive.get(one.pid) === one).map((one) => one.pid);
  }

  /** What ran before the sensor told of anything. */
  seed(): void {
    for (const name of readdirSync("/proc")) {
      const pid = Number(name);
      if (!Number.isInteger(pid) || this.#alive.has(pid)) continue;
      const found = fromProc(pid, undefined);
      if (found !== undefined) this.#put(found);
    }
  }

  /** Programs of processes that run now, each once. */
  programs(): readonly string[] {
    return [...new Set([...this.#alive.values()].map(({ program }) => program))].filter((path) => path.startsWith("/"));
  }

  /** Events were lost, so ends may have been: whoever is not in /proc any more is let go. */
  sweep(): void {
    for (const pid of this.#alive.keys()) if (!existsSync(`/proc/${pid}`)) this.#alive.delete(pid);
  }

  get size(): number {
    return this.#alive.size;
  }

  #put(process: KnownProcess): void {
    this.#alive.delete(process.pid);
    this.#alive.set(process.pid, process);
    // More than the kernel can have: exits were lost. The oldest are the likeliest to be gone.
    if (this.#alive.size > mostAlive) dropFirst(this.#alive);
  }
}

/** A text of its own: a part would keep the whole. */
const cutWords = (words: string): string => Buffer.from(words.slice(0, keptWords), "latin1").toString("latin1");

const tickOf = (nanoseconds: number): number => Math.floor(nanoseconds / nsPerTick);
/** Who had a number at that moment: numbers come round again. */
const holderAt = (holders: readonly KnownProcess[], tick: number): KnownProcess | undefined =>
  holders.findLast(({ startTick }) => startTick <= tick);

function fromProc(pid: number, startTick: number | undefined): KnownProcess | undefined {
  const stat = parseStat(readText(`/proc/${pid}/stat`, "utf8") ?? "");
  if (stat === undefined || (startTick !== undefined && stat.startTicks !== startTick)) return undefined;
  const words = (readText(`/proc/${pid}/cmdline`, "latin1") ?? "").slice(0, 1024).replace(/\0$/, "");
  return { pid, startTick: stat.startTicks, parent: stat.parent, program: programOf(pid), inode: 0, words };
}

function programOf(pid: number): string {
  try {
    return pathText(readlinkSync(`/proc/${pid}/exe`, { encoding: "buffer" }));
  } catch {
    return "";
  }
}

function readText(path: string, encoding: "utf8" | "latin1"): string | undefined {
  try {
    return readFileSync(path, encoding);
  } catch {
    return undefined;
  }
}

/** The command line as a person reads it. */
export const commandText = (words: string): string => safeText(words.replaceAll("\0", " ")).slice(0, 4000);
