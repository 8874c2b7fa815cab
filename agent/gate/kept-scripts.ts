import type { FileEvent, ProcessStamp } from "@provost/shared/model/event.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import { pathBytes } from "@provost/shared/lib/path-text.ts";
import { hashFile } from "../identity/hash.ts";
import type { FileRow } from "../inventory/file-rows.ts";
import { dpkgProgram } from "../inventory/maintainer-scripts.ts";
import type { State } from "../state/state.ts";
import { isFile, vouches } from "./lineage.ts";
import type { ProcessTable } from "./process-table.ts";

export interface KeptScript {
  /** The root's own dpkg. */
  readonly keeper: string;
  readonly at: Instant;
  /** It lay there before the agent's first pass; else dpkg was seen to put it there. */
  readonly isOlder: boolean;
}

interface Place {
  readonly root: string;
  readonly path: string;
}

/**
 * Packages' scripts as dpkg keeps them: from before the agent's first pass, or put there by dpkg since. Bound to their place and digest,
 * for as long as the package is there, and worth at most what that root's dpkg is worth.
 */
export class KeptScripts {
  readonly #processes: ProcessTable;
  readonly #kept;
  readonly #keep;
  readonly #row;

  constructor(state: State, processes: ProcessTable) {
    this.#processes = processes;
    this.#kept = state.prepare<[string, string, string], { at: number; older: number }>(
      "SELECT at, older FROM maintainer_scripts WHERE root = ? AND path = ? AND digest = ?",
    );
    this.#keep = state.prepare<[string, string, string, number]>(
      "INSERT OR REPLACE INTO maintainer_scripts (root, path, digest, at, older) VALUES (?, ?, ?, ?, 0)",
    );
    this.#row = state.prepare<[string, string], Pick<FileRow, "standing" | "basis" | "ino">>(
      "SELECT standing, basis, ino FROM files WHERE root = ? AND path = ?",
    );
  }

  of({ root, path }: Place, digest: Sha256): KeptScript | undefined {
    const kept = this.#kept.get(root, path, digest);
    if (kept === undefined || !this.#isDpkgVerified(root)) return undefined;
    return { keeper: root + dpkgProgram, at: kept.at as Instant, isOlder: kept.older === 1 };
  }

  /** A package's removal may come long after the sensor has forgotten who wrote its scripts. */
  renamed({ who, file, path: full }: FileEvent, { root, path }: Place, now: Instant): void {
    if (!scriptPath.test(path) || !this.#isDpkg(who, root)) return;
    const hashed = hashFile(Buffer.from(pathBytes(full) ?? Buffer.from(full)), new Set(), limits);
    if (!hashed.ok || !isFile(file, hashed.identity.ino, hashed.identity.size, hashed.identity.ctimeMs)) return;
    this.#keep.run(root, path, hashed.sha256, now);
  }

  /** By the file that was started, not by a name alone: a root of its own may call any program so. */
  #isDpkg({ pid, started }: ProcessStamp, root: string): boolean {
    const process = this.#processes.find(pid, started);
    const dpkg = this.#row.get(root, dpkgProgram);
    return process?.program.endsWith(dpkgProgram) === true && process.inode === dpkg?.ino && vouches(dpkg);
  }

  #isDpkgVerified(root: string): boolean {
    const dpkg = this.#row.get(root, dpkgProgram);
    return dpkg !== undefined && vouches(dpkg);
  }
}

const scriptPath = /^\/var\/lib\/dpkg\/info\/[^/]+\.(?:preinst|postinst|prerm|postrm|config)$/;
/** The daemon reads it between two questions; the longest of Debian's has some hundred kilobytes. */
const limits = { maxBytes: 1024 ** 2, tries: 1 };
