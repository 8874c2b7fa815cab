import type { DeviceId } from "@provost/shared/model/ids.ts";

/** What is remembered of who does what, so that the first time can be told from the hundredth. */
export const habits = ["program", "child", "destination", "reader", "shell", "hook", "changer", "standing"] as const;
export type Habit = (typeof habits)[number];

/** What nobody did for so long is new again. A service that listens told so when it was started last. */
export const habitDays = 400;

export interface Remembered {
  /** Before this observation. */
  readonly onDevice: boolean;
  readonly devices: number;
  readonly firstAt: number | undefined;
}

export interface BaselineStore {
  /** What was known of it, and remembers it from now on. */
  meet(habit: Habit, key: string, device: DeviceId, at: number): Remembered;
  /** The last word kept under this key. */
  last(key: string, device: DeviceId): string | undefined;
  /** The same, replaced by the new one. */
  replace(key: string, device: DeviceId, value: string, at: number): string | undefined;
  /** Forgets what nobody did since. */
  dropOlder(than: number): void;
}

/** How rare something is: 1 nobody had it before, towards 0 the more devices have it, and the longer. What was met stands beside it in words (usual.ts). */
export function rarityOf({ devices, firstAt }: Remembered, fleet: number, now: number): number {
  if (devices === 0 || firstAt === undefined) return 1;
  const spread = 1 - Math.min(1, devices / Math.max(1, fleet));
  const age = Math.max(0, 1 - (now - firstAt) / (30 * 86_400_000));
  return Math.round(Math.max(0.1, Math.min(1, 0.6 * spread + 0.4 * age)) * 100) / 100;
}
