import { readFileList, readMd5sums } from "@provost/shared/ecosystems/deb/file-list.ts";
import type { Conffile } from "@provost/shared/ecosystems/deb/status.ts";
import { describeFaults, type LineFaults } from "@provost/shared/ecosystems/line-faults.ts";
import { folderOf, nameOf } from "@provost/shared/ecosystems/packaged-path.ts";
import type { Purl } from "@provost/shared/model/ids.ts";
import type { FileRecord, InstalledPackage, InventoryProblem } from "@provost/shared/model/inventory.ts";
import { compiledAmong, parentMatch } from "../python-cache.ts";
import { problemOf, type RootView } from "../root-view.ts";
import {
  alternativesAmong,
  diversionsOf,
  infoFolder,
  installedPackages,
  names,
  statusFolder,
  type Installed,
} from "./database.ts";

/** Reads each package's lists once, keeping nothing but what `wanted` names. */
export function* debRecords(
  view: RootView,
  packages: readonly InstalledPackage[],
  wanted: ReadonlySet<string>,
): Generator<FileRecord | InventoryProblem> {
  if (packages.length === 0 || wanted.size === 0) return;
  const search = prepare(view, wanted);
  yield* search.problems;
  const purls = new Map(packages.map(({ name, arch, purl }) => [`${name}:${arch}`, purl]));
  for (const item of installedPackages(view)) {
    const purl = "stanza" in item ? purls.get(`${item.stanza.name}:${item.stanza.arch}`) : undefined;
    if (purl !== undefined && "stanza" in item) yield* recordsOf(search, item, purl);
  }
}

interface Search {
  readonly view: RootView;
  readonly wanted: ReadonlySet<string>;
  /** Last components of everything looked for: most lines of most lists end here. */
  readonly basenames: ReadonlySet<string>;
  readonly info: ReadonlySet<string>;
  readonly diversions: ReturnType<typeof diversionsOf>["byPath"];
  readonly alternatives: ReturnType<typeof alternativesAmong>;
  readonly compiled: ReturnType<typeof compiledAmong>;
  readonly problems: readonly InventoryProblem[];
}

/** A line of a list that leads to something wanted. */
interface Hit {
  readonly packagedAs: string;
  /** Where that line's file really lies. */
  readonly path: string;
}

function prepare(view: RootView, wanted: ReadonlySet<string>): Search {
  const alternatives = alternativesAmong(view, wanted);
  const compiled = compiledAmong(wanted);
  const diverted = diversionsOf(view);
  const basenames = new Set<string>();
  for (const paths of [wanted, alternatives.keys(), compiled.keys()])
    for (const path of paths) basenames.add(nameOf(path));
  const problems = [...diverted.problems];
  const info = new Set(names(view, infoFolder, problems));
  return {
    view,
    wanted,
    basenames,
    info,
    diversions: diverted.byPath,
    alternatives,
    compiled,
    problems,
  };
}

function* recordsOf(search: Search, item: Installed, purl: Purl): Generator<FileRecord | InventoryProblem> {
  yield* maintainerScripts(search, item, purl);
  const hits: Hit[] = [];
  const listed = fileListOf(search, item);
  yield* listed.problems;
  for (const packagedAs of listed.paths) {
    const hit = hitOf(search, item.stanza.name, packagedAs);
    if (hit !== undefined) hits.push(hit);
  }
  if (hits.length === 0) return;
  const packaged = new Set(hits.map((hit) => hit.packagedAs));
  const sums = md5sumsOf(search, item, (path) => packaged.has(path));
  yield* sums.problems;
  const conffiles = new Map(item.stanza.conffiles.map((conffile) => [conffile.path, conffile]));
  const own = new Set(hits.map((hit) => hit.path));
  for (const hit of hits) yield* recordsOfHit(search, purl, hit, own, sums.digests, conffiles);
}

function* recordsOfHit(
  search: Search,
  purl: Purl,
  hit: Hit,
  own: ReadonlySet<string>,
  digests: ReadonlyMap<string, string>,
  conffiles: ReadonlyMap<string, Conffile>,
): Generator<FileRecord> {
  const conffile = conffiles.get(hit.packagedAs);
  const md5 = conffile === undefined ? digests.get(hit.packagedAs) : conffile.md5;
  const record = (path: string): FileRecord => ({
    path,
    purl,
    via: md5 === undefined ? "dpkg-list" : "dpkg-md5sums",
    role: conffile === undefined ? "file" : "conffile",
    ...(md5 !== undefined && { expected: { algorithm: "md5", hex: md5 } }),
    ...(hit.packagedAs !== path && { packagedAs: hit.packagedAs }),
  });
  if (search.wanted.has(hit.path)) yield record(hit.path);
  for (const link of search.alternatives.get(hit.path) ?? []) yield record(link);
  for (const path of search.compiled.get(hit.path) ?? []) {
    // A .pyc that the package ships is in its list, with a digest of its own.
    if (own.has(path)) continue;
    const match = parentMatch(search.view, path, hit.path);
    yield { path, purl, via: "dpkg-list", role: "generated", parent: hit.path, parentMatch: match };
  }
}

function hitOf(search: Search, owner: string, packagedAs: string): Hit | undefined {
  const diversion = search.diversions.get(packagedAs);
  const placed = diversion === undefined || diversion.owner === owner ? packagedAs : diversion.to;
  const name = nameOf(placed);
  if (!search.basenames.has(name)) return undefined;
  // The /usr merge, and any other folder that is a symlink on this root: the walk saw the real one.
  const folder = search.view.real(folderOf(placed));
  if (folder.kind !== "real") return undefined;
  const path = folder.path === "/" ? `/${name}` : `${folder.path}/${name}`;
  const sought = search.wanted.has(path) || search.alternatives.has(path) || search.compiled.has(path);
  return sought ? { packagedAs, path } : undefined;
}

function fileListOf(
  search: Search,
  item: Installed,
): { paths: readonly string[]; problems: readonly InventoryProblem[] } {
  if (item.file !== undefined) {
    const sums = md5sumsOf(search, item);
    return { paths: [...sums.digests.keys()], problems: [] };
  }
  const path = infoFile(search, item, "list");
  const read = path === undefined ? { kind: "absent" as const } : search.view.read(path, MAX_LIST);
  if (path === undefined || read.kind === "absent") return { paths: [], problems: [] };
  if (read.kind === "refused") return { paths: [], problems: [problemOf(path, read)] };
  const { paths, faults } = readFileList(
    read.bytes,
    (path) => search.basenames.has(nameOf(path)) || search.diversions.has(path),
  );
  return { paths, problems: problemsOf(path, faults) };
}

function md5sumsOf(
  search: Search,
  item: Installed,
  keep?: (path: string) => boolean,
): { digests: ReadonlyMap<string, string>; problems: readonly InventoryProblem[] } {
  const path = item.file === undefined ? infoFile(search, item, "md5sums") : `${statusFolder}/${item.file}.md5sums`;
  const read = path === undefined ? { kind: "absent" as const } : search.view.read(path, MAX_LIST);
  if (path === undefined || read.kind === "absent") return { digests: new Map(), problems: [] };
  if (read.kind === "refused") return { digests: new Map(), problems: [problemOf(path, read)] };
  const { digests, faults } = readMd5sums(read.bytes, keep);
  return { digests, problems: problemsOf(path, faults) };
}

const MAX_LIST = 64 * 1024 * 1024;
const scripts = ["preinst", "postinst", "prerm", "postrm", "config"] as const;

const problemsOf = (path: string, faults: LineFaults): InventoryProblem[] =>
  describeFaults(faults).map((why) => ({ path, basis: "unsupported", why }));

/** dpkg's pkg_infodb_get_file(): "name:arch.list" for Multi-Arch: same, "name.list" for all others. */
function infoFile(search: Search, { stanza }: Installed, kind: string): string | undefined {
  const file = [`${stanza.name}:${stanza.arch}.${kind}`, `${stanza.name}.${kind}`].find((name) =>
    search.info.has(name),
  );
  return file === undefined ? undefined : `${infoFolder}/${file}`;
}

function* maintainerScripts(search: Search, item: Installed, purl: Purl): Generator<FileRecord> {
  if (item.file !== undefined) return;
  for (const script of scripts) {
    const path = infoFile(search, item, script);
    if (path !== undefined && search.wanted.has(path))
      yield { path, purl, via: "dpkg-list", role: "file", packagedAs: `DEBIAN/${script}` };
  }
}
