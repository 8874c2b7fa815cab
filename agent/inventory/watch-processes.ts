import { append } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import { runScan } from "./run-scan.ts";
import type { RunningFile, RunningProcess } from "./running.ts";
import { ProcessWatch } from "./running.ts";
import { runningFrame } from "./write-running.ts";

/** How often /proc is listed, and how old a process's list of mapped files may be. */
const lookEveryMs = 3000;
const refreshMs = 60_000;
/**
 * While programs come and go, each look finds something new, and hashing it takes a process of its own: after it the next look waits so
 * many times as long as it took. Where a gate judges programs before they start, nothing depends on this look but the list of what runs.
 */
const pauses = { alone: { times: 20, atMostMs: 15_000 }, gated: { times: 100, atMostMs: 60_000 } };

/**
 * Follows what runs, without a kernel sensor: a changed set of processes is told; a file that runs and is not known yet is
 * hashed by a short scan. A program that starts and ends between two looks is not seen (docs/limitations.md).
 */
export function watchProcesses(
  state: State,
  agent: {
    readonly folder: string;
    readonly busy: () => boolean;
    readonly spooled: () => void;
    readonly started: (pid: number) => void;
    /** Programs are judged before they start. */
    readonly gated: () => boolean;
    /** Counts what a sensor told of starts and ends; undefined: nobody tells, so each look has to find out. */
    readonly told: () => number | undefined;
    /** Processes run in a root that no pass has read the books of: until one has, nothing claims what runs there. */
    readonly newRoot: () => void;
  },
  stop: AbortSignal,
): () => void {
  const watch = new ProcessWatch();
  const known = state.prepare<[string, string], { dev: number; ino: number; size: number }>(
    "SELECT dev, ino, size FROM files WHERE root = ? AND path = ?",
  );
  let told = "";
  let hashing = false;
  let notBefore = 0;
  let counted: number | undefined;
  let lookedAt = -refreshMs;
  const roots = new NewRoots();

  const pauseAfter = (tookMs: number): void => {
    const { times, atMostMs } = agent.gated() ? pauses.gated : pauses.alone;
    notBefore = performance.now() + Math.min(tookMs * times, atMostMs);
  };

  const isKnown = (file: RunningFile): boolean => {
    const row = known.get(file.root, file.path);
    return (
      row !== undefined &&
      row.dev === file.identity.dev &&
      row.ino === file.identity.ino &&
      row.size === file.identity.size
    );
  };

  const look = (): void => {
    const began = performance.now();
    if (agent.busy() || hashing || began < notBefore) return;
    // A look at a machine that rests is most of what an agent does there: with a sensor it waits for news.
    const count = agent.told();
    if (count !== undefined && count === counted && began - lookedAt < refreshMs) return;
    counted = count;
    lookedAt = began;
    const processes = watch.look(Date.now(), refreshMs);
    if (roots.areNew(processes, began)) agent.newRoot();
    const now = signature(processes);
    if (now === told) return;
    told = now;
    if (processes.every((process) => process.files.every(isKnown))) {
      state.transaction(() => append(state, runningFrame(processes, Date.now()))).immediate();
      pauseAfter(performance.now() - began);
      return agent.spooled();
    }
    hashing = true;
    void runScan({ folder: agent.folder, excluded: [], scope: "running" }, () => undefined, stop, agent.started)
      .then(agent.spooled, () => undefined)
      .finally(() => {
        hashing = false;
        pauseAfter(performance.now() - began);
      });
  };

  const timer = setInterval(look, lookEveryMs);
  return () => clearInterval(timer);
}

/** A pass over a container's books takes seconds: machines that start one after another are read so often at most. */
const rootsEveryMs = 600_000;

/** Roots of their own (containers, chroots) in which something runs, and which of them came since the last pass. */
export class NewRoots {
  #met: ReadonlySet<string> | undefined;
  #readAt = 0;

  areNew(processes: readonly Pick<RunningProcess, "container">[], now: number): boolean {
    const here = new Set(processes.flatMap(({ container }) => (container === undefined ? [] : [container])));
    // The agent's first pass begins with it, and reads what is there then.
    const isFirst = this.#met === undefined;
    const isNew = !isFirst && [...here].some((root) => this.#met?.has(root) !== true);
    if (!isFirst && (!isNew || now - this.#readAt < rootsEveryMs)) return false;
    this.#met = here;
    this.#readAt = isFirst ? -rootsEveryMs : now;
    return isNew;
  }
}

const signature = (processes: readonly RunningProcess[]): string =>
  processes.map((process) => `${process.pid}@${process.startedAt}:${process.files.length}`).join(",");
