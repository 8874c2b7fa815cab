import { describeFaults } from "@provost/shared/ecosystems/line-faults.ts";
import { folderOf, joinWithin, nameOf } from "@provost/shared/ecosystems/packaged-path.ts";
import { pycParent } from "@provost/shared/ecosystems/pypi/pyc.ts";
import { environmentOf, readRecord, type RecordedFile } from "@provost/shared/ecosystems/pypi/record.ts";
import { pathLines } from "@provost/shared/lib/lines.ts";
import type { FileRecord, InstalledPackage, InventoryProblem } from "@provost/shared/model/inventory.ts";
import { compiledAmong, parentMatch } from "../python-cache.ts";
import { problemOf, type RootView } from "../root-view.ts";

/** RECORD of each distribution, or installed-files.txt of an old one, and the .pyc that Python made beside their sources. */
export function* pypiRecords(
  view: RootView,
  packages: readonly InstalledPackage[],
  wanted: ReadonlySet<string>,
): Generator<FileRecord | InventoryProblem> {
  if (packages.length === 0 || wanted.size === 0) return;
  const compiled = compiledAmong(wanted);
  const basenames = new Set([...wanted, ...compiled.keys()].map(nameOf));
  const search: Search = { view, wanted, compiled, basenames };
  for (const installed of packages) yield* recordsOf(search, installed);
}

interface Search {
  readonly view: RootView;
  readonly wanted: ReadonlySet<string>;
  readonly compiled: ReadonlyMap<string, readonly string[]>;
  readonly basenames: ReadonlySet<string>;
}

function* recordsOf(search: Search, installed: InstalledPackage): Generator<FileRecord | InventoryProblem> {
  const faults = new Map<string, number>();
  const hits = new Map<string, RecordedFile>();
  const list = listOf(installed.location);
  const lines = linesOf(search.view, list);
  if ("why" in lines) yield lines;
  else
    for (const line of lines) {
      if (typeof line === "string") faults.set(line, (faults.get(line) ?? 0) + 1);
      else {
        const path = placed(search, line.path);
        if (path !== undefined) hits.set(path, line);
      }
    }
  for (const why of describeFaults(faults)) yield { path: list.path, basis: "unsupported", why };
  for (const [path, file] of hits) yield* recordsOfHit(search, installed, path, file, hits);
}

interface FileList {
  readonly path: string;
  readonly folder: string;
  readonly kind: "record" | "installed-files";
}

const MAX_INSTALLED_FILES = 16 * 1024 * 1024;

const listOf = (location: string): FileList =>
  location.endsWith(".dist-info")
    ? { path: `${location}/RECORD`, folder: folderOf(location), kind: "record" }
    : { path: `${location}/installed-files.txt`, folder: folderOf(location), kind: "installed-files" };

function linesOf(view: RootView, list: FileList): Iterable<RecordedFile | string> | InventoryProblem {
  const environment = environmentOf(list.folder);
  if (list.kind === "record") {
    const opened = view.chunks(list.path);
    if (opened.kind === "refused") return problemOf(list.path, opened);
    return opened.kind === "absent" ? [] : readRecord(opened.chunks, environment);
  }
  const read = view.read(list.path, MAX_INSTALLED_FILES);
  if (read.kind === "refused") return problemOf(list.path, read);
  if (read.kind === "absent") return [];
  // setuptools: paths relative to the egg-info folder itself.
  const paths = pathLines(read.bytes).map((line) => joinWithin(folderOf(list.path), line, environment.prefix));
  return paths.map((path) => (path === undefined ? "a path that leaves its environment" : { path }));
}

/** The real place of a recorded path, when it, or what was compiled from it, is looked for. */
function placed(search: Search, recorded: string): string | undefined {
  const name = nameOf(recorded);
  if (!search.basenames.has(name)) return undefined;
  const folder = search.view.real(folderOf(recorded));
  if (folder.kind !== "real") return undefined;
  const path = folder.path === "/" ? `/${name}` : `${folder.path}/${name}`;
  return search.wanted.has(path) || search.compiled.has(path) ? path : undefined;
}

function* recordsOfHit(
  search: Search,
  { purl }: InstalledPackage,
  path: string,
  { expected }: RecordedFile,
  hits: ReadonlyMap<string, RecordedFile>,
): Generator<FileRecord> {
  const parent = pycParent(path);
  const known = { path, purl, via: "pypi-record" as const, ...(expected && { expected }) };
  const generated = (compiled: string, from: string): FileRecord => ({
    path: compiled,
    purl,
    via: "pypi-record",
    role: "generated",
    parent: from,
    parentMatch: parentMatch(search.view, compiled, from),
  });
  // pip lists the .pyc it made without a digest; one with a digest came in the wheel.
  if (search.wanted.has(path)) {
    if (parent !== undefined && expected === undefined && search.view.status(parent).found)
      yield generated(path, parent);
    else yield { ...known, role: "file" };
  }
  for (const compiled of search.compiled.get(path) ?? []) if (!hits.has(compiled)) yield generated(compiled, path);
}
