import type { State } from "./state.ts";

/**
 * Frees what is no longer used: large buffers wait for V8 to notice them, which it does late in a small heap. Does nothing
 * where the process was not started with `--expose-gc`.
 */
export function giveBack(state?: State): void {
  state?.pragma("shrink_memory");
  globalThis.gc?.();
}
