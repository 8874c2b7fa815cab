import type { RunningFrame } from "@provost/shared/protocol/frames.ts";
import { limits } from "@provost/shared/protocol/limits.ts";
import type { RunningProcess } from "./running.ts";
import { userNames } from "./users.ts";

/** The processes as one frame: every file once, processes point into the list. */
export function runningFrame(processes: readonly RunningProcess[], now: number): RunningFrame {
  const names = userNames();
  const files: { root: string; path: string }[] = [];
  const index = new Map<string, number>();
  const at = (root: string, path: string): number => {
    const key = `${root}\n${path}`;
    const known = index.get(key);
    if (known !== undefined) return known;
    files.push({ root, path });
    index.set(key, files.length - 1);
    return files.length - 1;
  };
  return {
    kind: "running",
    at: now,
    files,
    processes: processes.slice(0, limits.processesPerFrame).map((process) => ({
      pid: process.pid,
      parent: process.parent,
      startedAt: process.startedAt,
      sinceBoot: process.sinceBoot,
      uid: process.uid,
      user: names.get(process.uid) ?? String(process.uid),
      command: process.command,
      ...(process.container === undefined ? {} : { container: process.container.slice(0, 300) }),
      files: process.files.slice(0, 2000).map((file) => ({
        at: at(file.root, file.path),
        ...(file.note === undefined ? {} : { note: file.note }),
      })),
    })),
  };
}
