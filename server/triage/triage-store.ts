import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import type { TriageFrame } from "@provost/shared/protocol/frames.ts";

/** How much of what devices collected is kept, and how long. What goes is the oldest; its digest stays in the audit. */
export interface TriageBounds {
  readonly days: number;
  readonly bytesPerDevice: number;
  readonly bytes: number;
  /** A bundle of which nothing more came for so long never becomes whole. */
  readonly waitDays: number;
}
export const triageBounds: TriageBounds = {
  days: 90,
  bytesPerDevice: 256 * 1024 * 1024,
  bytes: 4 * 1024 * 1024 * 1024,
  waitDays: 7,
};

export interface StoredBundle {
  readonly command: string;
  readonly device: DeviceId;
  readonly sha256: Sha256;
  readonly bytes: number;
  readonly at: number;
  /** `receiving`: pieces are missing. `refused`: it was not what the device said. `gone`: its time was over. */
  readonly state: "receiving" | "kept" | "refused" | "gone";
  readonly why: string | undefined;
}

/** Bundles that devices collected for an order, whole or in the pieces that came so far. */
export interface TriageStore {
  /** Takes one piece. Undefined: it changes nothing, or the bundle is not whole yet. Else what became of the bundle with it. */
  put(device: DeviceId, frame: TriageFrame, now: number): StoredBundle | undefined;
  one(command: string): StoredBundle | undefined;
  /** The bytes of a kept bundle, in their order. Undefined: there is none. */
  read(command: string): Buffer | undefined;
  /** What devices still wait to be told: their order has not ended. */
  answers(device: DeviceId): readonly StoredBundle[];
  /** Drops what is over its time or bounds. Returns what was dropped. */
  trim(now: number, bounds: TriageBounds): readonly StoredBundle[];
}
