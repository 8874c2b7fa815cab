import type { State } from "./state.ts";

/**
 * Frees what is no longer used: large buffers wait for V8 to notice them, which it does late in a small heap. Does nothing
 * where the process was not started with `--expose-gc`.
 */
export function giveBack(state?: State): void {
  state?.pragma("shrink_memory");
  globalThis.gc?.();
}

/**
 * The same before a rest. V8 collects as it does before it gives up for want of memory, so that also what it keeps for a busy time (both
 * halves of its young space, above all) goes back to the kernel: 3 MB of the daemon's.
 */
export function giveBackBeforeRest(state: State): void {
  state.pragma("shrink_memory");
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
}

/**
 * Copies what a busy time left in SQLite's log to its place in the database. Left alone it is copied whenever the log happens to be full,
 * which on a device that rests again is hours later and looks like a rest that writes.
 */
export function putInPlace(state: State): void {
  state.pragma("wal_checkpoint(PASSIVE)");
}
