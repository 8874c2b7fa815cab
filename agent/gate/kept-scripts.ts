import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { FileRow } from "../inventory/file-rows.ts";
import { dpkgProgram } from "../inventory/maintainer-scripts.ts";
import type { State } from "../state/state.ts";
import { vouches } from "./lineage.ts";

/**
 * Packages' scripts that dpkg kept before the agent's first pass: bound to their place and digest, for as long as the package is there,
 * and worth at most what that root's dpkg is worth.
 */
export class KeptScripts {
  readonly #kept;
  readonly #dpkg;

  constructor(state: State) {
    this.#kept = state
      .prepare<[string, string, string], number>(
        "SELECT at FROM maintainer_scripts WHERE root = ? AND path = ? AND digest = ?",
      )
      .pluck();
    this.#dpkg = state.prepare<[string, string], Pick<FileRow, "standing" | "basis">>(
      "SELECT standing, basis FROM files WHERE root = ? AND path = ?",
    );
  }

  /** When it was met there, with the program that kept it. */
  of(
    { root, path }: { readonly root: string; readonly path: string },
    digest: Sha256,
  ): { readonly keeper: string; readonly at: Instant } | undefined {
    const at = this.#kept.get(root, path, digest);
    if (at === undefined) return undefined;
    const dpkg = this.#dpkg.get(root, dpkgProgram);
    return dpkg !== undefined && vouches(dpkg) ? { keeper: root + dpkgProgram, at: at as Instant } : undefined;
  }
}
