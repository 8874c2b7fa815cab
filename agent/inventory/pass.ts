import { join } from "node:path";
import { pathBytes } from "@provost/shared/lib/path-text.ts";
import type { FileFacts, FileRecord, InstalledPackage, JudgedRecord } from "@provost/shared/model/inventory.ts";
import type { Instant } from "@provost/shared/model/ids.ts";
import type { ScanFrame } from "@provost/shared/protocol/frames.ts";
import { compareRecord, hashesNeeded } from "../ecosystems/compare-record.ts";
import type { Found } from "../ecosystems/ecosystem.ts";
import { isProblem } from "../ecosystems/ecosystem.ts";
import { diskEcosystems, recordsOf } from "../ecosystems/index.ts";
import type { RootView } from "../ecosystems/root-view.ts";
import { openRoot } from "../ecosystems/root-view.ts";
import { hashFile, hashLimits } from "../identity/hash.ts";
import type { Algorithm, Hashed, HashLimits } from "../identity/hash.ts";
import { proofsIn } from "../provenance/proofs.ts";
import { append } from "../spool/spool.ts";
import { giveBack } from "../state/give-back.ts";
import type { State } from "../state/state.ts";
import { readMeta, writeMeta } from "../state/state.ts";
import { writeArchives } from "./write-archives.ts";
import type { FileRow } from "./file-rows.ts";
import { planMounts, readMounts } from "./mounts.ts";
import type { MountPlan } from "./mounts.ts";
import { isEverywhere, Report } from "./report.ts";
import type { ReportOptions } from "./report.ts";
import { forgetMaintainerScripts, keepMaintainerScripts } from "./maintainer-scripts.ts";
import type { RunningFile, RunningProcess } from "./running.ts";
import { ProcessWatch } from "./running.ts";
import { loadSeen, saveSeen, seenFile, SeenFiles } from "./seen.ts";
import type { Candidate, Survey } from "./survey.ts";
import { rootOf, survey } from "./survey.ts";
import { filesPerWrite, forgetFiles, writeFiles } from "./write-files.ts";
import { writePackages } from "./write-packages.ts";
import { runningFrame } from "./write-running.ts";

export interface PassOptions extends ReportOptions {
  /** Look into files named as data too. */
  readonly deep?: boolean;
  /** The agent's state folder. */
  readonly folder: string;
  readonly excluded: readonly string[];
  readonly limits?: HashLimits;
}

/**
 * One whole pass: walk, read the package databases, hash what is new or changed (running programs first), judge, store and
 * spool. Unchanged files cost one lstat. Synchronous, meant for a short-lived process: its memory goes with it.
 */
export async function runPass(state: State, options: PassOptions): Promise<ScanFrame> {
  const began = options.now();
  const report = new Report(state, options);
  const whole = options.scope === "whole";
  const pass = whole ? Number(readMeta(state, "pass") ?? 0) + 1 : provisionalPass;
  const known = knownFiles(state);
  const running = new ProcessWatch().look(options.now(), 0);
  const walked = whole ? walkDisk(known, options, report) : withoutWalk(known);
  giveBack();
  const work = plan(walked, running, known);
  const booksChanged =
    whole && (readMeta(state, "fingerprint") !== walked.fingerprint || work.containerRoots.length > 0);
  const owned = booksChanged ? readBooks(state, walked, work, report, options) : undefined;
  giveBack();
  const records = await recordsFor(state, work, owned, walked, report, options);
  giveBack();
  report.hashing(work.files.filter((file) => file.fresh).length, work.files.length);
  hashAndWrite(state, work.files, records, options, report, pass);
  if (whole) forgetFiles(state, goneFiles(known, work, walked, options.starts));
  state
    .transaction(() => {
      if (isEverywhere(options)) {
        if (readMeta(state, "fingerprint") === undefined) keepMaintainerScripts(state);
        else forgetMaintainerScripts(state, began);
      }
      // A walk below some folders says nothing of the books elsewhere: the next whole pass compares with the last whole one.
      if (isEverywhere(options)) writeMeta(state, "fingerprint", walked.fingerprint);
      if (whole) writeMeta(state, "pass", String(pass));
      append(state, runningFrame(running, options.now()));
    })
    .immediate();
  return isEverywhere(options) ? report.done() : report.quietly();
}

/** Marks rows whose owners were looked up without a walk: the next whole pass takes them as new. */
const provisionalPass = 0;

function walkDisk(known: Known, options: PassOptions, report: Report): Survey {
  const seenPath = join(options.folder, seenFile);
  const inodes = new Set([...known.values()].map((row) => row.ino));
  const walked = survey({
    plan: startingAt(planMounts(readMounts()), options.starts),
    excluded: new Set([...options.excluded, options.folder]),
    seen: loadSeen(seenPath) ?? SeenFiles.forFiles(100_000),
    mayBeKnown: (inode) => inodes.has(inode),
    knownAt: (path) => {
      const row = known.get(path);
      // Without a digest there is something to try again: another user, or a higher limit, may read it now.
      if (row === undefined || row.digest === null || row.pass === provisionalPass) return undefined;
      return { identity: { dev: row.dev, ino: row.ino, size: row.size, ctimeMs: row.ctime }, kind: row.kind };
    },
    deep: options.deep === true,
    progress: (filesSeen, executables) => report.walking(filesSeen, executables),
  });
  saveSeen(seenPath, walked.seen);
  report.walked(walked);
  return walked;
}

const startingAt = (plan: MountPlan, starts: readonly string[] | undefined): MountPlan =>
  starts === undefined ? plan : { ...plan, starts };

function withoutWalk(known: Known): Survey {
  const roots = new Set([
    "",
    ...[...known.values()].map((row) => row.root).filter((root) => !root.startsWith("container:")),
  ]);
  return {
    filesSeen: 0,
    candidates: [],
    roots: [...roots].map(emptyFound),
    blind: [],
    closed: [],
    seen: SeenFiles.forFiles(1),
    fingerprint: "",
  };
}

/** One file to consider: by the walk, or only because something runs from it. */
interface Work {
  readonly key: string;
  readonly root: string;
  readonly path: string;
  readonly open: string | Buffer;
  /** The file's own name, where `open` leads through a process that may end before it is this file's turn. */
  readonly otherwise?: string | Buffer;
  readonly identity: Candidate["identity"];
  readonly mode: number;
  readonly uid: number;
  readonly kind: Candidate["kind"];
  readonly fresh: boolean;
  readonly running: boolean;
  readonly unreadable?: string;
}

interface Plan {
  readonly files: readonly Work[];
  /** Roots that only exist in another mount namespace, seen through one of their processes. */
  readonly containerRoots: readonly { readonly label: string; readonly view: string }[];
}

const keyOf = (root: string, path: string): string => `${root}\n${path}`;

type KnownFile = Pick<FileRow, "root" | "path" | "kind" | "dev" | "ino" | "size" | "ctime" | "digest" | "pass">;
type Known = Map<string, KnownFile>;

/** By absolute path on the device for what the walk meets; files of containers are found by their key. */
function knownFiles(state: State): Known {
  const known: Known = new Map();
  const rows = state.prepare<[], KnownFile>("SELECT root, path, kind, dev, ino, size, ctime, digest, pass FROM files");
  for (const row of rows.iterate())
    known.set(row.root.startsWith("container:") ? keyOf(row.root, row.path) : row.root + row.path, row);
  return known;
}

function plan(walked: Survey, running: readonly RunningProcess[], known: Known): Plan {
  const nested = walked.roots.map((found) => found.root).filter((root) => root !== "");
  const runningFiles = running.flatMap((process) => process.files);
  const runningNow = new Set(runningFiles.map((file) => `${file.identity.dev}:${file.identity.ino}`));
  const files = new Map<string, Work>();
  const inodes = new Set<string>();
  for (const candidate of walked.candidates) {
    const root = rootOf(candidate.path, nested);
    const path = candidate.path.slice(root.length);
    const inode = `${candidate.identity.dev}:${candidate.identity.ino}`;
    inodes.add(inode);
    files.set(keyOf(root, path), {
      ...candidate,
      key: keyOf(root, path),
      root,
      path,
      open: openName(candidate.path),
      fresh: !candidate.unchanged,
      running: runningNow.has(inode),
    });
  }
  const containers = new Map<string, string>();
  for (const file of runningFiles) {
    if (file.root.startsWith("container:")) containers.set(file.root, file.view);
    else if (inodes.has(`${file.identity.dev}:${file.identity.ino}`) && file.note === undefined) continue;
    const work = runningWork(file, nested, known);
    if (!files.has(work.key)) files.set(work.key, work);
  }
  return {
    files: [...files.values()].toSorted((a, b) => Number(b.running) - Number(a.running)),
    containerRoots: [...containers].map(([label, view]) => ({ label, view })),
  };
}

function runningWork(file: RunningFile, nested: readonly string[], known: Known): Work {
  const full = file.root.startsWith("container:") ? file.path : file.root + file.path;
  const root = file.root.startsWith("container:") ? file.root : rootOf(full, nested);
  const path = file.root.startsWith("container:") ? file.path : full.slice(root.length);
  const row = known.get(file.root.startsWith("container:") ? keyOf(root, path) : full);
  const { identity } = file;
  const unchanged =
    row?.digest != null &&
    row.dev === identity.dev &&
    row.ino === identity.ino &&
    row.size === identity.size &&
    row.ctime === identity.ctimeMs;
  return {
    key: keyOf(root, path),
    root,
    path,
    open: file.open,
    ...(file.note === undefined && !file.root.startsWith("container:") ? { otherwise: openName(full) } : {}),
    identity,
    mode: file.mode,
    uid: file.uid,
    kind: "mapped",
    fresh: !unchanged,
    running: true,
  };
}

const openName = (path: string): string | Buffer => {
  if (!path.includes("\\")) return path;
  const bytes = pathBytes(path);
  return bytes === undefined ? path : Buffer.from(bytes);
};

interface Owned {
  readonly byRoot: ReadonlyMap<string, { readonly view: RootView; readonly packages: readonly InstalledPackage[] }>;
}

function readBooks(state: State, walked: Survey, work: Plan, report: Report, options: PassOptions): Owned {
  const byRoot = new Map<string, { view: RootView; packages: readonly InstalledPackage[] }>();
  const everything: InstalledPackage[] = [];
  const containers = work.containerRoots.map(({ label, view }) => ({ label, view, found: emptyFound(label) }));
  for (const { label, view, found } of [
    ...walked.roots.map((found) => ({ label: found.root, view: found.root, found })),
    ...containers,
  ]) {
    const opened = openRoot(view);
    const packages: InstalledPackage[] = [];
    for (const ecosystem of diskEcosystems)
      for (const item of ecosystem.packages(opened, found))
        if (isProblem(item)) report.problem(item);
        else packages.push(label === opened.root ? item : { ...item, root: label });
    giveBack();
    byRoot.set(label, { view: opened, packages });
    everything.push(...packages);
    for (const problem of writeArchives(state, opened, label)) report.problem(problem);
  }
  if (options.scope === "whole") writePackages(state, everything, isLookedAt(options.starts, byRoot));
  return { byRoot };
}

/** Whether this pass would have met the package: below one of its starts, or in a dpkg database it read. */
const isLookedAt =
  (starts: readonly string[] | undefined, roots: ReadonlyMap<string, unknown>) =>
  (row: { readonly root: string; readonly location: string; readonly purl: string }): boolean =>
    starts === undefined ||
    (row.purl.startsWith("pkg:deb/") && roots.has(row.root)) ||
    isBelow(row.root + row.location, starts);

const isBelow = (path: string, folders: readonly string[]): boolean =>
  folders.some((folder) => folder === "/" || path === folder || path.startsWith(`${folder}/`));

const emptyFound = (root: string): Found => ({ root, nodeModules: [], distInfos: [], lockfiles: [] });

/** Owners and recorded digests: of all files where a package database changed, else of the fresh ones only. */
async function recordsFor(
  state: State,
  work: Plan,
  owned: Owned | undefined,
  walked: Survey,
  report: Report,
  options: PassOptions,
): Promise<ReadonlyMap<string, readonly FileRecord[]>> {
  const found = new Map<string, FileRecord[]>();
  const books =
    owned ?? (work.files.some((file) => file.fresh) ? readBooks(state, walked, work, report, options) : undefined);
  if (books === undefined) return found;
  for (const [root, { view, packages }] of books.byRoot) {
    const wanted = new Set(
      work.files.filter((file) => file.root === root && (owned !== undefined || file.fresh)).map((file) => file.path),
    );
    if (wanted.size === 0) continue;
    let items = 0;
    for await (const item of recordsOf(view, packages, wanted)) {
      items += 1;
      if (items % itemsPerGiveBack === 0) giveBack();
      if (isProblem(item)) report.problem(item);
      else keep(found, keyOf(root, item.path), item);
    }
  }
  return found;
}

const recordsPerFile = 16;
const itemsPerGiveBack = 200;

function keep(found: Map<string, FileRecord[]>, key: string, record: FileRecord): void {
  const list = found.get(key);
  if (list === undefined) found.set(key, [record]);
  else if (list.length < recordsPerFile) list.push(record);
}

function hashAndWrite(
  state: State,
  files: readonly Work[],
  records: ReadonlyMap<string, readonly FileRecord[]>,
  options: PassOptions,
  report: Report,
  pass: number,
): void {
  const proofs = proofsIn(state);
  const rowAt = state.prepare<[string, string], FileRow>("SELECT * FROM files WHERE root = ? AND path = ?");
  let some: FileFacts[] = [];
  let lastWrite = options.now();
  const flush = (): void => {
    if (some.length === 0) return;
    writeFiles(state, some, proofs, pass);
    giveBack();
    some = [];
    lastWrite = options.now();
  };
  for (const file of files) {
    const own = records.get(file.key);
    // Unchanged bytes under unchanged ownership: nothing to hash and nothing to tell.
    if (!file.fresh && own === undefined) continue;
    const row = file.fresh ? undefined : rowAt.get(file.root, file.path);
    if (row !== undefined && own !== undefined && sameRecords(row.records, own)) continue;
    some.push(lookAt(file, own ?? [], options, report));
    if (some.length >= filesPerWrite || options.now() - lastWrite > 1000) flush();
  }
  flush();
}

function sameRecords(stored: string, now: readonly FileRecord[]): boolean {
  const plain = (JSON.parse(stored) as readonly JudgedRecord[]).map(
    ({ agrees: _agrees, parentDigest: _parent, ...record }) => record,
  );
  return JSON.stringify(plain) === JSON.stringify(now);
}

function lookAt(file: Work, records: readonly FileRecord[], options: PassOptions, report: Report): FileFacts {
  const base = {
    path: file.path,
    root: file.root,
    kind: file.kind,
    mode: file.mode,
    uid: file.uid,
    seenAt: options.now() as Instant,
  };
  const notCompared = records.map((record): JudgedRecord => ({ ...record, agrees: "not-compared" }));
  if (file.unreadable !== undefined)
    return { ...base, identity: file.identity, unreadable: file.unreadable, records: notCompared };
  const hashed = hashWork(file, hashesNeeded(records), options.limits ?? hashLimits);
  if (!hashed.ok) {
    report.hashed(0);
    return { ...base, identity: file.identity, unreadable: hashed.why, records: notCompared };
  }
  report.hashed(hashed.bytes);
  const hex = new Map([...hashed.others, ["sha256", hashed.sha256] as const]);
  const judged = records.map((record): JudgedRecord => ({ ...record, agrees: compareRecord(record, hex) }));
  return { ...base, identity: hashed.identity, digest: hashed.sha256, records: judged };
}

function hashWork(file: Work, others: ReadonlySet<Algorithm>, limits: HashLimits): Hashed {
  const first = hashFile(file.open, others, limits);
  if (first.ok || file.otherwise === undefined) return first;
  const second = hashFile(file.otherwise, others, limits);
  // Another file may have taken the name since: it is not the one that ran.
  return second.ok && second.identity.dev === file.identity.dev && second.identity.ino === file.identity.ino
    ? second
    : first;
}

/** What the table knows and this pass did not meet, unless it lies where this pass could not look. */
function goneFiles(
  known: Known,
  work: Plan,
  walked: Survey,
  starts: readonly string[] | undefined,
): readonly KnownFile[] {
  const met = new Set(work.files.map((file) => file.key));
  return [...known.values()].filter(
    (row) =>
      !met.has(keyOf(row.root, row.path)) &&
      (starts === undefined || isBelow(row.root + row.path, starts)) &&
      !walked.closed.some((folder) => `${row.root}${row.path}`.startsWith(`${folder}/`)),
  );
}
