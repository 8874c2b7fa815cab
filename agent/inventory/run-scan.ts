import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { ErrorCode } from "@provost/shared/lib/app-error.ts";
import type { ScanFrame } from "@provost/shared/protocol/frames.ts";
import type { ScanMessage, ScanOrder } from "./scan.ts";

/** The scanning process beside this file: bundled as JavaScript, TypeScript in the source tree. */
const program = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./scan.ts" : "./scan.js", import.meta.url));

/**
 * Memory before time: without V8's compilers (9 MB of their own code, and what they make) a pass that hashes nothing takes
 * about half as long again (docs/performance.md). `--expose-gc` is for give-back.ts.
 */
export const scanFlags = [
  "--disable-warning=ExperimentalWarning",
  "--max-semi-space-size=1",
  "--optimize-for-size",
  "--v8-pool-size=1",
  "--no-opt",
  "--no-maglev",
  "--no-sparkplug",
  "--expose-gc",
] as const;

/** glibc keeps freed memory for later in each of its arenas; with these it returns it sooner. */
export const scanEnvironment = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_TRIM_THRESHOLD_: "65536",
  MALLOC_MMAP_THRESHOLD_: "65536",
} as const;

/** Runs one pass in a process of its own. Rejects with the scan's own error, or SCAN_FAILED when it died. */
export function runScan(
  order: ScanOrder,
  progress: (frame: ScanFrame) => void,
  signal?: AbortSignal,
): Promise<ScanFrame> {
  return new Promise((resolve, reject) => {
    const child = fork(program, [], {
      execArgv: [...scanFlags],
      env: { ...process.env, ...scanEnvironment },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      ...(signal === undefined ? {} : { signal }),
    });
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
