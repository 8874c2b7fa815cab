import { closeSync, constants, lstatSync, openSync, readSync } from "node:fs";
import { pathBytes } from "@provost/shared/lib/path-text.ts";
import type { Instant, Purl } from "@provost/shared/model/ids.ts";
import type {
  FileFacts,
  FileKind,
  FileRecord,
  InventoryProblem,
  JudgedRecord,
} from "@provost/shared/model/inventory.ts";
import type { Verdict } from "@provost/shared/model/verdict.ts";
import { judge } from "@provost/shared/provenance/judge.ts";
import type { Proofs } from "@provost/shared/provenance/judge.ts";
import { compareRecord, hashesNeeded } from "../ecosystems/compare-record.ts";
import type { Found } from "../ecosystems/ecosystem.ts";
import { isProblem } from "../ecosystems/ecosystem.ts";
import { diskEcosystems, recordsOf } from "../ecosystems/index.ts";
import type { RootView } from "../ecosystems/root-view.ts";
import { openRoot } from "../ecosystems/root-view.ts";
import { hashFile, identityOf, sameIdentity } from "../identity/hash.ts";
import type { FileRow } from "../inventory/file-rows.ts";
import { factsOf } from "../inventory/file-rows.ts";
import { sniff, sniffBytes } from "../inventory/sniff.ts";
import { judgeNow } from "../provenance/proofs.ts";
import type { State } from "../state/state.ts";
import type { Named } from "./name-file.ts";

/** One file as it is now, judged now. */
export interface Looked {
  readonly facts: FileFacts;
  readonly verdict: Verdict;
  /** `agent`: the last pass looked its owners up and the file is unchanged. `device`: the package databases were read now. */
  readonly recordsFrom: "agent" | "device";
  /** What the kernel, the loader or an interpreter would take it for; undefined for data. */
  readonly kind: FileKind | undefined;
  /** What could not be read while its owners were looked for. */
  readonly problems: readonly InventoryProblem[];
}

type File = Extract<Named, { ok: true }>;

export async function lookAt(state: State | undefined, file: File, now: number): Promise<Looked> {
  const root = nestedRoot(file.path);
  const path = file.path.slice(root.length);
  const base = { path, root, mode: file.stats.mode, uid: file.stats.uid, seenAt: now as Instant };
  const row = state
    ?.prepare<[string, string], FileRow>("SELECT * FROM files WHERE root = ? AND path = ?")
    .get(root, path);
  const kind = row?.kind ?? sniffed(file, path);
  const judged = (
    facts: FileFacts,
    recordsFrom: Looked["recordsFrom"],
    problems: readonly InventoryProblem[],
  ): Looked => ({
    facts,
    verdict: state === undefined ? judge(facts, noProofs) : judgeNow(state, facts),
    recordsFrom,
    kind,
    problems,
  });
  const known = row === undefined ? undefined : factsOf(row);
  if (known?.digest !== undefined && sameIdentity(known.identity, identityOf(file.stats))) {
    const hashed = hashFile(file.open, new Set());
    // Equal identity and other bytes is what a disk fault or a rootkit looks like: nothing remembered is used then.
    if (hashed.ok && hashed.sha256 === known.digest && sameIdentity(hashed.identity, known.identity))
      return judged(
        { ...base, kind: known.kind, identity: hashed.identity, digest: hashed.sha256, records: known.records },
        "agent",
        [],
      );
  }
  const { records, problems } = await ownersOf(root, path);
  const hashed = hashFile(file.open, hashesNeeded(records));
  const common = { ...base, kind: kind ?? "mapped" };
  if (!hashed.ok) {
    const notCompared = records.map((record): JudgedRecord => ({ ...record, agrees: "not-compared" }));
    return judged(
      { ...common, identity: identityOf(file.stats), unreadable: hashed.why, records: notCompared },
      "device",
      problems,
    );
  }
  const hex = new Map([...hashed.others, ["sha256", hashed.sha256] as const]);
  const compared = records.map((record): JudgedRecord => ({ ...record, agrees: compareRecord(record, hex) }));
  return judged({ ...common, identity: hashed.identity, digest: hashed.sha256, records: compared }, "device", problems);
}

const noProofs: Proofs = { proofOf: (_purl: Purl) => undefined, fileIn: () => undefined, attestedOf: () => undefined };

/** The innermost folder above the file that has a dpkg database of its own: a chroot, an unpacked image. "" is the device. */
export function nestedRoot(path: string): string {
  for (const folder of foldersAbove(path)) if (folder !== "" && exists(`${folder}/var/lib/dpkg/status`)) return folder;
  return "";
}

/** "/a/b/c" -> "/a/b", "/a", "". */
function foldersAbove(path: string): readonly string[] {
  const above: string[] = [];
  for (let at = path.lastIndexOf("/"); at >= 0; at = path.lastIndexOf("/", at - 1)) {
    above.push(path.slice(0, at));
    if (at === 0) break;
  }
  return above;
}

function exists(path: string): boolean {
  const bytes = pathBytes(path);
  try {
    return bytes !== undefined && lstatSync(Buffer.from(bytes), { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}

async function ownersOf(
  root: string,
  path: string,
): Promise<{ readonly records: readonly FileRecord[]; readonly problems: readonly InventoryProblem[] }> {
  const view = openRoot(root);
  const found = placesAbove(view, root, path);
  const packages = [];
  const records: FileRecord[] = [];
  const problems: InventoryProblem[] = [];
  for (const ecosystem of diskEcosystems)
    for (const item of ecosystem.packages(view, found))
      if (isProblem(item)) problems.push(item);
      else packages.push(item);
  for await (const item of recordsOf(view, packages, new Set([path])))
    if (isProblem(item)) problems.push(item);
    else if (records.length < recordsPerFile) records.push(item);
  return { records, problems };
}

const recordsPerFile = 16;
const entriesPerFolder = 100_000;

/** What a walk would have told the ecosystems, as far as it can concern this one file: the books in the folders above it. */
function placesAbove(view: RootView, root: string, path: string): Found {
  const places = { root, nodeModules: [] as string[], distInfos: [] as string[], lockfiles: [] as string[] };
  for (const folder of foldersAbove(path)) {
    if (folder.endsWith("/node_modules")) places.nodeModules.push(folder);
    const listed = view.list(folder === "" ? "/" : folder, entriesPerFolder);
    if (listed.kind !== "entries") continue;
    for (const { name, kind } of listed.entries) {
      if (/\.(?:dist|egg)-info$/.test(name)) places.distInfos.push(`${folder}/${name}`);
      else if (kind === "file" && lockfileName.test(name)) places.lockfiles.push(`${folder}/${name}`);
    }
  }
  return places;
}

const lockfileName = /^(?:\.?package-lock|npm-shrinkwrap)\.json$/;

function sniffed(file: File, path: string): FileKind | undefined {
  let handle: number;
  try {
    handle = openSync(file.open, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
  try {
    const head = Buffer.alloc(sniffBytes);
    return sniff(head, readSync(handle, head, 0, sniffBytes, 0), file.stats.mode, path);
  } catch {
    return undefined;
  } finally {
    closeSync(handle);
  }
}
