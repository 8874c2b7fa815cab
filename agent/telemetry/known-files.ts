import type { FileStamp } from "@provost/shared/model/event.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { Verdict } from "@provost/shared/model/verdict.ts";
import type { FileRow } from "../inventory/file-rows.ts";
import type { State } from "../state/state.ts";
import type { KnownFile, Writer } from "./telemetry.ts";

const mostHeld = 4096;

/** What is known of a file by its identity: what the gate judged a moment ago, else what the last pass wrote down. */
export class KnownFiles {
  readonly #held = new Map<string, KnownFile>();
  readonly #byInode;
  readonly #owner;

  constructor(state: State) {
    this.#byInode = state.prepare<[number, number], FileRow>("SELECT * FROM files WHERE ino = ? AND size = ? LIMIT 16");
    this.#owner = state
      .prepare<[string, string], string>("SELECT records FROM files WHERE root = ? AND path = ? AND records <> '[]'")
      .pluck();
  }

  note(
    file: FileStamp,
    sha256: Sha256,
    { standing, basis }: Pick<Verdict, "standing" | "basis">,
    purl: string | undefined,
    path: string,
    writtenBy: Writer | undefined,
  ): void {
    this.#keep(keyOf(file), {
      sha256,
      path,
      ...(writtenBy === undefined ? {} : { writtenBy }),
      worth: { standing, basis, sha256, ...(purl === undefined ? {} : { package: purl }) },
    });
  }

  find(file: FileStamp): KnownFile {
    const held = this.#held.get(keyOf(file));
    if (held !== undefined) return held;
    const row = this.#byInode
      .all(file.inode, file.bytes)
      .find(({ ctime }) => Math.abs(file.changed / 1e6 - ctime) < 0.01);
    if (row === undefined || row.digest === null) return {};
    const sha256 = row.digest as Sha256;
    const purl = purlOf(row.records);
    const { standing, basis } = row;
    const known = {
      sha256,
      path: row.root + row.path,
      worth: { standing, basis, sha256, ...(purl === undefined ? {} : { package: purl }) },
    };
    this.#keep(keyOf(file), known);
    return known;
  }

  /** The package whose list names this path. */
  owner(root: string, path: string): string | undefined {
    const records = this.#owner.get(root, path);
    return records === undefined ? undefined : purlOf(records);
  }

  /** The tables have changed. */
  renew(): void {
    this.#held.clear();
  }

  #keep(key: string, known: KnownFile): void {
    this.#held.delete(key);
    this.#held.set(key, known);
    const [first] = this.#held.keys();
    if (this.#held.size > mostHeld && first !== undefined) this.#held.delete(first);
  }
}

const keyOf = ({ device, inode, changed, bytes }: FileStamp): string => `${device}:${inode}:${changed}:${bytes}`;
const purlOf = (records: string): string | undefined => (JSON.parse(records) as { purl?: string }[])[0]?.purl;
