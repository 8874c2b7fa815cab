/** The daemon: opens its state, keeps the session with the server, scans, watches, until a signal. */
import { hostname } from "node:os";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import type { ScanFrame } from "@provost/shared/protocol/frames.ts";
import { checkConfig } from "./config.ts";
import type { AgentConfig } from "./config.ts";
import { startHealth } from "./health.ts";
import { retellDevice } from "./inventory/device.ts";
import { runScan } from "./inventory/run-scan.ts";
import { watchBooks } from "./inventory/watch-books.ts";
import { watchProcesses } from "./inventory/watch-processes.ts";
import { retellArchives } from "./inventory/write-archives.ts";
import { retellFiles } from "./inventory/write-files.ts";
import { retellPackages } from "./inventory/write-packages.ts";
import { openLink } from "./link/link.ts";
import type { Link } from "./link/link.ts";
import { acceptAttested, acceptTrust } from "./provenance/attested.ts";
import { acceptProof } from "./provenance/proofs.ts";
import { giveBack } from "./state/give-back.ts";
import { openState } from "./state/state.ts";

/** What the daemon tells whoever started it, over IPC where there is one. */
export type DaemonMessage =
  | { readonly kind: "scan"; readonly frame: ScanFrame }
  | { readonly kind: "scanned"; readonly frame: ScanFrame }
  | { readonly kind: "online"; readonly device: string }
  | { readonly kind: "offline"; readonly why: string; readonly final: boolean }
  | { readonly kind: "drained" }
  | { readonly kind: "failed"; readonly code: string; readonly why: string; readonly remedy?: string };

const wholePassEveryMs = 6 * 3600 * 1000;
/** So long after the last busy moment the memory it took is given back. */
const restAfterMs = 5000;

export function runDaemon(
  config: AgentConfig,
  tell: (message: DaemonMessage) => void,
  stop: AbortSignal,
): Promise<void> {
  const state = openState(config.folder);
  // It writes a few rows at a time and mostly waits; the passes, which read and write all of it, are other processes.
  state.pragma("cache_size = -256");
  let link: Link | undefined;
  let scanning: Promise<void> | undefined;
  let again = false;
  let resting: NodeJS.Timeout | undefined;
  const rest = (): void => {
    clearTimeout(resting);
    resting = setTimeout(() => giveBack(state), restAfterMs);
  };
  const spooled = (): void => {
    link?.spooled();
    rest();
  };

  const scan = (): Promise<void> => {
    if (scanning !== undefined) {
      again = true;
      return scanning;
    }
    scanning = onePass().finally(() => {
      scanning = undefined;
      if (again && !stop.aborted) {
        again = false;
        void scan();
      }
    });
    return scanning;
  };

  const onePass = async (): Promise<void> => {
    try {
      const frame = await runScan(
        { folder: config.folder, excluded: config.excluded, scope: "whole" },
        (progress) => {
          spooled();
          tell({ kind: "scan", frame: progress });
        },
        stop,
      );
      spooled();
      tell({ kind: "scanned", frame });
    } catch (cause) {
      if (!stop.aborted) tell(failure(cause));
    }
  };

  if (config.server !== undefined)
    link = openLink(
      state,
      { url: config.server, name: config.name, ...(config.token === undefined ? {} : { token: config.token }) },
      {
        opened: (device) => tell({ kind: "online", device }),
        drained: () => tell({ kind: "drained" }),
        proof: (message) => {
          acceptProof(state, message);
          rest();
        },
        attested: (message) => {
          acceptAttested(state, message);
          rest();
        },
        trust: (message) => {
          acceptTrust(state, message, Date.now());
          rest();
        },
        retell: () => {
          retellDevice(state);
          retellArchives(state);
          retellPackages(state);
          retellFiles(state);
        },
        lost: (why, final) => tell({ kind: "offline", why, final }),
      },
    );

  const closers = [
    startHealth(state, spooled),
    watchBooks(() => void scan()),
    watchProcesses(state, { folder: config.folder, busy: () => scanning !== undefined, spooled }, stop),
  ];
  const timer = setInterval(() => void scan(), wholePassEveryMs);
  void scan();

  return new Promise((resolve) => {
    const end = async (): Promise<void> => {
      clearInterval(timer);
      clearTimeout(resting);
      for (const close of closers) close();
      link?.close();
      await scanning;
      state.close();
      resolve();
    };
    stop.addEventListener("abort", () => void end());
  });
}

export const failure = (cause: unknown): Extract<DaemonMessage, { kind: "failed" }> =>
  cause instanceof AppError
    ? {
        kind: "failed",
        code: cause.code,
        why: cause.message,
        ...(cause.remedy === undefined ? {} : { remedy: cause.remedy }),
      }
    : { kind: "failed", code: "SCAN_FAILED", why: cause instanceof Error ? cause.message : String(cause) };

/** Started as a program: configuration arrives as one IPC message or in PROVOST_* variables; never on the command line. */
if (process.argv[1] !== undefined && import.meta.filename === process.argv[1]) startProgram();

function startProgram(): void {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  process.once("disconnect", () => stop.abort());
  const tell = (message: DaemonMessage): void => {
    if (process.connected) process.send?.(message);
    else if (message.kind === "failed" || message.kind === "offline")
      process.stderr.write(`provost-agent: ${message.why}\n`);
  };
  const start = (raw: Record<string, unknown>): void => {
    try {
      const done = runDaemon(checkConfig(raw, safeText(hostname()).slice(0, 255)), tell, stop.signal);
      void done.then(() => process.exit(0));
    } catch (cause) {
      tell(failure(cause));
      process.exitCode = 1;
      process.disconnect?.();
    }
  };
  if (process.send === undefined) start(fromEnvironment());
  else process.once("message", (raw: Record<string, unknown>) => start(raw));
}

function fromEnvironment(): Record<string, unknown> {
  const { PROVOST_STATE, PROVOST_SERVER, PROVOST_TOKEN, PROVOST_EXCLUDE } = process.env;
  return {
    folder: PROVOST_STATE ?? "/var/lib/provost",
    server: PROVOST_SERVER,
    token: PROVOST_TOKEN,
    excluded: PROVOST_EXCLUDE === undefined || PROVOST_EXCLUDE === "" ? [] : PROVOST_EXCLUDE.split(":"),
  };
}
