import type { State } from "../state/state.ts";

/** Splits a path on the device into the root it belongs to ("/srv/chroot") and its path inside; the device's own root is "". */
export class Places {
  readonly #next;
  #roots: readonly string[] | undefined;

  constructor(state: State) {
    // One step of the primary key for each root instead of a walk over all files.
    this.#next = state.prepare<[string], string | null>("SELECT min(root) FROM files WHERE root > ?").pluck();
  }

  /** The tables have changed. */
  renew(): void {
    this.#roots = undefined;
  }

  /** Roots on this device beside its own. */
  roots(): readonly string[] {
    this.#roots ??= this.#read();
    return this.#roots;
  }

  split(path: string): { readonly root: string; readonly path: string } {
    const root = this.roots().find((one) => path.startsWith(`${one}/`)) ?? "";
    return { root, path: path.slice(root.length) };
  }

  /** The longest first: the innermost root is the file's. */
  #read(): readonly string[] {
    const found: string[] = [];
    for (
      let at = this.#next.get("");
      at !== null && at !== undefined && found.length < mostRoots;
      at = this.#next.get(at)
    )
      if (at.startsWith("/")) found.push(at);
    return found.toSorted((a, b) => b.length - a.length);
  }
}

const mostRoots = 1000;
