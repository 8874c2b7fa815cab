/**
 * The scanning process: one pass, then gone with its memory. Started by the daemon or by `provost scan`, told over IPC:
 * `{ folder, excluded, scope }` in, `ScanMessage`s out.
 */
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { ScanFrame } from "@provost/shared/protocol/frames.ts";
import { openState } from "../state/state.ts";
import { describeDevice } from "./device.ts";
import { runPass } from "./pass.ts";

export interface ScanOrder {
  readonly folder: string;
  readonly excluded: readonly string[];
  readonly scope: "whole" | "running";
  readonly deep?: boolean;
  readonly maxHashBytes?: number;
  /** Only below these folders, as path text; else the whole device. */
  readonly starts?: readonly string[];
}

export type ScanMessage =
  | { readonly kind: "progress"; readonly frame: ScanFrame }
  | { readonly kind: "done"; readonly frame: ScanFrame }
  | { readonly kind: "failed"; readonly code: string; readonly why: string; readonly remedy?: string };

process.once("message", (order: ScanOrder) => {
  void obey(order);
});
process.once("disconnect", () => process.exit(1));

async function obey(order: ScanOrder): Promise<void> {
  try {
    const state = openState(order.folder);
    if (order.scope === "whole") await describeDevice(state);
    const frame = await runPass(state, {
      folder: order.folder,
      excluded: order.excluded,
      scope: order.scope,
      deep: order.deep === true,
      ...(order.starts === undefined ? {} : { starts: order.starts }),
      ...(order.maxHashBytes === undefined ? {} : { limits: { maxBytes: order.maxHashBytes, tries: 3 } }),
      now: Date.now,
      progress: (progress) => tell({ kind: "progress", frame: progress }),
    });
    state.close();
    tell({ kind: "done", frame }, () => process.exit(0));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const failed =
      cause instanceof AppError
        ? { code: cause.code, remedy: cause.remedy }
        : { code: "SCAN_FAILED", remedy: undefined };
    tell(
      { kind: "failed", code: failed.code, why, ...(failed.remedy === undefined ? {} : { remedy: failed.remedy }) },
      () => process.exit(1),
    );
  }
}

function tell(message: ScanMessage, then?: () => void): void {
  process.send?.(message, undefined, {}, () => then?.());
}
