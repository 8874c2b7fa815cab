/** The daemon: opens its state, keeps the session with the server, scans, watches, until a signal. */
import { rmSync } from "node:fs";
import { hostname } from "node:os";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import type { ScanFrame } from "@provost/shared/protocol/frames.ts";
import type { Actions } from "./actions/run.ts";
import { checkConfig } from "./config.ts";
import type { AgentConfig } from "./config.ts";
import type { RunningGate } from "./gate/start.ts";
import { acceptPolicy } from "./gate/server-policy.ts";
import { startHealth } from "./health.ts";
import { gateNow, retellDevice } from "./inventory/device.ts";
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
import { giveBackBeforeRest, putInPlace } from "./state/give-back.ts";
import { openNotify } from "./notify.ts";
import { agentSettingsFrom, rawConfig } from "./settings.ts";
import { holdState } from "./state/one-daemon.ts";
import { openState } from "./state/state.ts";
import { noteAnswer } from "./triage/keep.ts";

/** What the daemon tells whoever started it, over IPC where there is one. */
export type DaemonMessage =
  | { readonly kind: "scan"; readonly frame: ScanFrame }
  | {
      readonly kind: "scanned";
      readonly frame: ScanFrame;
      /** Undefined without a sensor: nothing is stopped here. */
      readonly gate?: ReturnType<typeof gateNow>;
    }
  | { readonly kind: "online"; readonly device: string }
  | { readonly kind: "offline"; readonly why: string; readonly final: boolean }
  | { readonly kind: "drained" }
  | { readonly kind: "failed"; readonly code: string; readonly why: string; readonly remedy?: string };

const wholePassEveryMs = 6 * 3600 * 1000;
/** Whether what orders set up still stands is looked at so often. */
const keepEveryMs = 10_000;
/** So long after the last busy moment the memory it took is given back. */
const restAfterMs = 5000;
/** Clocks and counters alone make V8's young space large again within minutes: 2 MB. Each time costs some 20 ms. */
const againAtRestMs = 60_000;
const manyMoments = 50;

export function runDaemon(
  config: AgentConfig,
  tell: (message: DaemonMessage) => void,
  stop: AbortSignal,
  /** Somebody with the owner's code wants the daemon to end. */
  leave: () => void = () => undefined,
): Promise<void> {
  const state = openState(config.folder);
  const held = holdState(config.folder);
  // It writes a few rows at a time and mostly waits; the passes, which read and write all of it, are other processes.
  state.pragma("cache_size = -256");
  let link: Link | undefined;
  let scanning: Promise<void> | undefined;
  let again = false;
  let resting: NodeJS.Timeout | undefined;
  /** Moments in which something was written since the log was last put in its place. */
  let written = 0;
  const stayAtRest = (): void => {
    giveBackBeforeRest(state);
    resting = setTimeout(stayAtRest, againAtRestMs);
  };
  const rest = (): void => {
    written += 1;
    clearTimeout(resting);
    resting = setTimeout(() => {
      gate?.rest();
      stayAtRest();
      if (written < manyMoments) return;
      written = 0;
      putInPlace(state);
    }, restAfterMs);
  };
  const spooled = (): void => {
    link?.spooled();
    rest();
  };
  let gate: RunningGate | undefined;
  const bookWatch = watchBooks(
    () => void scan(),
    config.sensor === undefined ? undefined : () => gate?.tellsFiles() === true,
  );
  let actions: Actions | undefined;
  /** Orders are few: what carries them out is loaded with the first, or where one stands from before. */
  const withActions = async (): Promise<Actions> => {
    const { openActions } = await import("./actions/start.ts");
    actions ??= openActions(state, () => gate, spooled);
    return actions;
  };
  const acting = (work: (actions: Actions) => Promise<void>): void =>
    void withActions()
      .then(work)
      .catch((cause: unknown) => tell(failure(cause)));
  const started = (pid: number): void => gate?.guard(pid);
  /** What the server sent is kept, and a word that it is held waits to be told: the next ones come only then. */
  const judgedAgain = (): void => {
    gate?.changed();
    spooled();
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
        started,
      );
      written += manyMoments;
      spooled();
      gate?.inventoried();
      gate?.changed();
      tell({ kind: "scanned", frame, ...(config.sensor === undefined ? {} : { gate: gateNow(state) }) });
    } catch (cause) {
      if (!stop.aborted) tell(failure(cause));
    }
  };

  const openGate = async (): Promise<void> => {
    try {
      const { startGate } = await import("./gate/start.ts");
      gate = await startGate(state, config, {
        spooled,
        stop: leave,
        changed: (path) => bookWatch.changed(path),
        release: async (id, by) => (await withActions()).release(id, by),
      });
      const stopped = new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve()));
      await Promise.race([gate.settled, stopped]);
    } catch (cause) {
      tell(failure(cause));
    }
    if (!stop.aborted) void scan();
  };

  if (config.server !== undefined)
    link = openLink(
      state,
      {
        url: config.server,
        name: config.name,
        ...(config.token === undefined ? {} : { token: config.token }),
        ...(config.proxy === undefined ? {} : { proxy: config.proxy }),
      },
      {
        opened(device) {
          // It works once: what is left of it would only lie about.
          if (config.tokenFile !== undefined) rmSync(config.tokenFile, { force: true });
          tell({ kind: "online", device });
        },
        drained: () => tell({ kind: "drained" }),
        proof: (message) => {
          acceptProof(state, message);
          judgedAgain();
        },
        attested: (message) => {
          acceptAttested(state, message);
          judgedAgain();
        },
        trust: (message) => {
          acceptTrust(state, message, Date.now());
          rest();
        },
        policy: (message) => {
          const taken = acceptPolicy(state, message);
          if (taken.ok) void gate?.published().catch((cause: unknown) => tell(failure(cause)));
          else if (taken.old !== true)
            tell({ kind: "failed", code: "FRAME_REFUSED", why: `the server's policy is refused: ${taken.why}` });
          rest();
        },
        command: ({ body, signature }) => acting((ready) => ready.take(body, signature)),
        triage: (message) => {
          if (noteAnswer(state, message)) acting((ready) => ready.heard(message.command));
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

  if (state.prepare("SELECT 1 FROM commands LIMIT 1").get() !== undefined) acting((ready) => ready.recover());
  const closers = [
    startHealth(state, spooled),
    () => bookWatch.close(),
    watchProcesses(
      state,
      {
        folder: config.folder,
        busy: () => scanning !== undefined,
        spooled,
        started,
        gated: () => gate?.isJudging() === true,
        told: () => gate?.processChanges(),
        newRoot: () => void scan(),
      },
      stop,
    ),
  ];
  const timer = setInterval(() => void scan(), wholePassEveryMs);
  const keeping = setInterval(() => {
    if (actions !== undefined) acting((ready) => ready.keep());
  }, keepEveryMs);
  // Without a sensor nothing of the gate is loaded. With one it comes first: what is asked waits in the kernel.
  const gating = config.sensor === undefined ? undefined : openGate();
  if (gating === undefined) void scan();

  return new Promise((resolve) => {
    const end = async (): Promise<void> => {
      clearInterval(timer);
      clearInterval(keeping);
      clearTimeout(resting);
      for (const close of closers) close();
      await gating;
      gate?.close();
      link?.close();
      await actions?.ended();
      await scanning;
      state.close();
      held.close();
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

/** Started as a program: configuration arrives as one IPC message, else from file, variables and flags (settings.ts). */
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
  const start = (read: () => Record<string, unknown>): void => {
    try {
      const config = checkConfig(read(), safeText(hostname()).slice(0, 255));
      const notify = openNotify(process.env);
      const done = runDaemon(config, tell, stop.signal, () => stop.abort());
      stop.signal.addEventListener("abort", () => notify.stopping());
      notify.ready(config.server === undefined ? "no server is set" : `telling ${config.server}`);
      void done.then(() => process.exit());
    } catch (cause) {
      tell(failure(cause));
      process.exitCode = 1;
      process.disconnect?.();
    }
  };
  if (process.send === undefined)
    start(() => rawConfig(agentSettingsFrom(process.argv.slice(2), process.env), process.env));
  else process.once("message", (raw: Record<string, unknown>) => start(() => raw));
}
