import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { ErrorCode } from "@provost/shared/lib/app-error.ts";
import type { ScanFrame } from "@provost/shared/protocol/frames.ts";
import { seenFile } from "./seen.ts";
import type { ScanMessage, ScanOrder } from "./scan.ts";

/** The scanning process beside this file: bundled as JavaScript, TypeScript in the source tree. */
const program = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./scan.ts" : "./scan.js", import.meta.url));

/**
 * V8's compilers cost 7 MB and more of code and shorten a pass that hashes nothing by a quarter (docs/performance.md).
 * A first pass holds more and mostly hashes, so it does without them. `--expose-gc` is for give-back.ts.
 */
export function scanFlags(isFirst: boolean): readonly string[] {
  return isFirst ? [...leanFlags, "--no-opt", "--no-maglev", "--no-sparkplug"] : leanFlags;
}

const leanFlags: readonly string[] = [
  "--disable-warning=ExperimentalWarning",
  "--max-semi-space-size=1",
  "--optimize-for-size",
  "--v8-pool-size=1",
  "--expose-gc",
];

/** Where the walk keeps what it looked into: a folder without it has had no whole pass. */
export const isFirstPass = (folder: string): boolean => !existsSync(join(folder, seenFile));

/**
 * glibc keeps freed memory in its arenas and caches for later; with these a pass's largest RSS is a fifth smaller. A mapping for each
 * smaller piece, as the daemon has, would make a walk three times as long.
 */
export const scanEnvironment = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_TRIM_THRESHOLD_: "65536",
  MALLOC_MMAP_THRESHOLD_: "16384",
  GLIBC_TUNABLES: "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0:glibc.malloc.top_pad=0",
} as const;

/** What the daemon is asked at a program's start does not wait for a pass, nor does whoever works on this device. */
function standBack(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, which its "exit" tells.
  }
}

/** Runs one pass in a process of its own. Rejects with the scan's own error, or SCAN_FAILED when it died. */
export function runScan(
  order: ScanOrder,
  progress: (frame: ScanFrame) => void,
  signal?: AbortSignal,
  /** The scanning process has this number: a gate that asks before files are opened lets it read. */
  started?: (pid: number) => void,
): Promise<ScanFrame> {
  return new Promise((resolve, reject) => {
    const child = fork(program, [], {
      execArgv: [...scanFlags(isFirstPass(order.folder))],
      env: { ...process.env, ...scanEnvironment },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      ...(signal === undefined ? {} : { signal }),
    });
    if (child.pid !== undefined) {
      standBack(child.pid);
      started?.(child.pid);
    }
    let complaint = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-2000);
    });
    child.on("message", (message: ScanMessage) => {
      if (message.kind === "progress") progress(message.frame);
      else if (message.kind === "done") resolve(message.frame);
      else
        reject(
          new AppError(
            message.code as ErrorCode,
            message.why,
            message.remedy === undefined ? {} : { remedy: message.remedy },
          ),
        );
    });
    child.on("error", (cause) => reject(cause));
    child.on("exit", (code, by) => {
      reject(
        new AppError(
          "SCAN_FAILED",
          `the scanning process ended early (${by ?? `exit code ${code}`})${complaint === "" ? "" : `: ${complaint}`}`,
        ),
      );
    });
    child.send(order);
  });
}
