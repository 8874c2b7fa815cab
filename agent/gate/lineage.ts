import { realpathSync, statSync } from "node:fs";
import type { FileStamp, GateQuestion, ProcessStamp } from "@provost/shared/model/event.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import { pathBytes } from "@provost/shared/lib/path-text.ts";
import { hashFile } from "../identity/hash.ts";
import type { FileRow } from "../inventory/file-rows.ts";
import type { State } from "../state/state.ts";
import { makerOf, type MoreMakers } from "./makers.ts";
import type { Places } from "./places.ts";
import type { ProcessTable } from "./process-table.ts";

export interface Made {
  /** "/usr/bin/ld, a compiler". */
  readonly maker: string;
  readonly at: Instant;
  readonly until: Instant;
}

/**
 * Which files were made on this device by programs that make programs. Provisional: bound to the digest, for some hours, and only
 * where the maker itself is verified.
 */
export class Lineage {
  readonly #state: State;
  readonly #places: Places;
  readonly #processes: ProcessTable;
  readonly #of;
  readonly #rowAt;
  readonly #byInode;
  readonly #byDigest;
  /** Makers by identity: a compiler is hashed once, not for each file it writes. */
  readonly #verified = new Map<string, boolean>();

  constructor(state: State, places: Places, processes: ProcessTable) {
    this.#state = state;
    this.#places = places;
    this.#processes = processes;
    this.#of = state.prepare<[string], { maker: string; at: number; until: number }>(
      "SELECT maker, at, until FROM lineage WHERE digest = ?",
    );
    this.#rowAt = state.prepare<[string, string], FileRow>("SELECT * FROM files WHERE root = ? AND path = ?");
    this.#byInode = state.prepare<[number, number], FileRow>("SELECT * FROM files WHERE ino = ? AND size = ? LIMIT 16");
    this.#byDigest = state.prepare<[string], Pick<FileRow, "standing" | "basis">>(
      "SELECT standing, basis FROM files WHERE digest = ? LIMIT 16",
    );
  }

  /** Who made it, where that holds now: remembered of the digest, or seen by the sensor. */
  of(question: GateQuestion, digest: Sha256, hours: number, more: MoreMakers, now: Instant): Made | undefined {
    if (hours <= 0) return undefined;
    const known = this.#of.get(digest);
    if (known !== undefined && now < known.until)
      return { maker: known.maker, at: known.at as Instant, until: known.until as Instant };
    const maker = this.#maker(question, more);
    return maker === undefined ? undefined : { maker, at: now, until: (now + hours * 3_600_000) as Instant };
  }

  /** Kept after the answer; what has ended is dropped. */
  keep(digest: Sha256, place: { readonly root: string; readonly path: string }, made: Made, now: Instant): void {
    this.#state
      .prepare("INSERT OR REPLACE INTO lineage (digest, maker, root, path, at, until) VALUES (?, ?, ?, ?, ?, ?)")
      .run(digest, made.maker, place.root, place.path, made.at, made.until);
    this.#state.prepare("DELETE FROM lineage WHERE until < ?").run(now);
  }

  /** The tables have changed: a maker may have lost or found its verdict. */
  renew(): void {
    this.#verified.clear();
  }

  #maker({ writer }: GateQuestion, more: MoreMakers): string | undefined {
    if (writer === undefined) return undefined;
    const row = this.#rowOf(writer.file);
    const process = this.#processes.find(writer.process.pid, writer.process.started);
    // A writer that has ended has no path any more: the table knows its file by identity, the events knew the process.
    const path = row === undefined ? writer.path || (process?.program ?? "") : row.root + row.path;
    const made = makerOf(path, process?.words ?? "", more);
    if (made === undefined || !this.#isVerified(writer.file, row, path, writer.process)) return undefined;
    if (made.script !== undefined && !this.#isScriptVerified(made.script)) return undefined;
    return `${made.script ?? path}, a ${made.kind === "compiler" ? "compiler" : "package manager"}`;
  }

  #rowOf(file: FileStamp): FileRow | undefined {
    return this.#byInode.all(file.inode, file.bytes).find((row) => isFile(file, row.ino, row.size, row.ctime));
  }

  #isVerified(file: FileStamp, row: FileRow | undefined, path: string, process: ProcessStamp): boolean {
    if (row !== undefined && row.digest !== null) return vouches(row);
    const key = `${file.device}:${file.inode}:${file.changed}:${file.bytes}`;
    const known = this.#verified.get(key);
    if (known !== undefined) return known;
    const isVerified = this.#isDigestVerified(file, [path, `/proc/${process.pid}/exe`]);
    if (this.#verified.size >= mostVerified) this.#verified.clear();
    this.#verified.set(key, isVerified);
    return isVerified;
  }

  #rowFor(path: string): FileRow | undefined {
    const place = this.#places.split(path);
    return this.#rowAt.get(place.root, place.path);
  }

  /** Not in the table: newer than the last pass. Its bytes may be known all the same. */
  #isDigestVerified(file: FileStamp, names: readonly string[]): boolean {
    for (const name of names) {
      const hashed = hashFile(Buffer.from(pathBytes(name) ?? Buffer.from(name)), new Set());
      if (!hashed.ok || !isFile(file, hashed.identity.ino, hashed.identity.size, hashed.identity.ctimeMs)) continue;
      return this.#byDigest.all(hashed.sha256).some(vouches);
    }
    return false;
  }

  #isScriptVerified(script: string): boolean {
    try {
      // /usr/bin/npm is a link to the script that belongs to the package.
      const real = realpathSync(script);
      const { ino, size, ctimeMs } = statSync(real);
      const row = this.#rowFor(real);
      return row !== undefined && row.ino === ino && row.size === size && row.ctime === ctimeMs && vouches(row);
    } catch {
      return false;
    }
  }
}

const mostVerified = 4096;

/** At least a record on the device agrees with it. */
export const vouches = ({ standing, basis }: Pick<FileRow, "standing" | "basis">): boolean =>
  standing === "proven" || standing === "signed" || basis === "recorded" || basis === "pinned";

/** Change times beyond 2^53 nanoseconds have lost their last digits on the way; a microsecond is more than that. */
export const isFile = (file: FileStamp, inode: number, size: number, changedMs: number): boolean =>
  file.inode === inode && file.bytes === size && Math.abs(file.changed / 1e6 - changedMs) < 0.01;
