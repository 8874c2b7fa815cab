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
 * Follows what runs, without a kernel sensor: a changed set of processes is told; a file that runs and is not known yet is
 * hashed by a short scan. A program that starts and ends between two looks is not seen (docs/limitations.md).
 */
export function watchProcesses(
  state: State,
  agent: { readonly folder: string; readonly busy: () => boolean; readonly spooled: () => void },
  stop: AbortSignal,
): () => void {
  const watch = new ProcessWatch();
  const known = state.prepare<[string, string], { dev: number; ino: number; size: number }>(
    "SELECT dev, ino, size FROM files WHERE root = ? AND path = ?",
  );
  let told = "";
  let hashing = false;

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
    if (agent.busy() || hashing) return;
    const processes = watch.look(Date.now(), refreshMs);
    const now = signature(processes);
    if (now === told) return;
    told = now;
    if (processes.every((process) => process.files.every(isKnown))) {
      state.transaction(() => append(state, runningFrame(processes, Date.now()))).immediate();
      return agent.spooled();
    }
    hashing = true;
    void runScan({ folder: agent.folder, excluded: [], scope: "running" }, () => undefined, stop)
      .then(agent.spooled, () => undefined)
      .finally(() => {
        hashing = false;
      });
  };

  const timer = setInterval(look, lookEveryMs);
  return () => clearInterval(timer);
}

const signature = (processes: readonly RunningProcess[]): string =>
  processes.map((process) => `${process.pid}@${process.startedAt}:${process.files.length}`).join(",");
