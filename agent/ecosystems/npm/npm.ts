import { npmPurl } from "@provost/shared/ecosystems/purl.ts";
import { folderOf } from "@provost/shared/ecosystems/packaged-path.ts";
import type { PackageJson } from "@provost/shared/ecosystems/npm/package-json.ts";
import type { FileRecord, InstalledPackage, InventoryProblem } from "@provost/shared/model/inventory.ts";
import type { DiskEcosystem, Found } from "../ecosystem.ts";
import type { RootView } from "../root-view.ts";
import { cacheProofs } from "./cache-proof.ts";
import { npmDeclared } from "./declared.ts";
import { openPins, type Pin, type Pins } from "./lockfiles.ts";
import { packageAt, packageFolders, type PackageFolder } from "./trees.ts";

/** npm packages of every node_modules tree: what `npm ls --all` would list in each project, and the global ones. */
export const npm: DiskEcosystem = {
  id: "npm",
  packages: npmPackages,
  records: npmRecords,
  unpackedRecords: npmProofs,
  declared: npmDeclared,
};

/** `origin` of a package that a tree only points to: it is this device's own source, not a registry's. */
export const linkedOrigin = "link";

function* npmPackages(view: RootView, found: Found): Generator<InstalledPackage | InventoryProblem> {
  const pins = openPins(view, found.lockfiles);
  for (const folder of packageFolders(view, found.nodeModules)) {
    if ("why" in folder) {
      yield folder;
      continue;
    }
    const json = packageAt(view, folder.location);
    if (json !== undefined) yield "why" in json ? json : packageOf(view, folder, json, pins);
  }
  yield* pins.problems;
}

function packageOf(
  view: RootView,
  folder: PackageFolder,
  json: PackageJson,
  pins: Pins,
): InstalledPackage | InventoryProblem {
  const { name, version } = json;
  const { location, linked } = folder;
  const purl = npmPurl(name, version);
  if (purl === undefined)
    return { path: location, basis: "unsupported", why: "its name and version make no package URL" };
  const known = { purl, ecosystem: "npm" as const, name, version, location, root: view.root };
  return linked ? { ...known, origin: linkedOrigin } : { ...known, ...pinned(pins.pinOf(location, version)) };
}

function pinned(pin: Pin | undefined): Pick<InstalledPackage, "origin" | "integrity" | "integrityFrom"> {
  if (pin === undefined) return {};
  const { resolved, integrity } = pin.locked;
  return {
    ...(resolved !== undefined && { origin: originOf(resolved) }),
    ...(integrity !== undefined && { integrity, integrityFrom: pin.lockfile }),
  };
}

function originOf(resolved: string): string {
  const url = URL.canParse(resolved) ? new URL(resolved) : undefined;
  return url?.protocol === "https:" || url?.protocol === "http:" ? url.origin : resolved;
}

function* npmRecords(
  _view: RootView,
  packages: readonly InstalledPackage[],
  wanted: ReadonlySet<string>,
): Generator<FileRecord> {
  for (const [owner, paths] of owners(locations(packages), wanted))
    for (const path of paths) yield { path, purl: owner.purl, via: "npm-folder", role: "file" };
}

function npmProofs(view: RootView, packages: readonly InstalledPackage[], wanted: ReadonlySet<string>) {
  const byLocation = locations(packages);
  return cacheProofs(view, byLocation, owners(byLocation, wanted));
}

const locations = (packages: readonly InstalledPackage[]): ReadonlyMap<string, InstalledPackage> =>
  new Map(packages.filter(({ ecosystem }) => ecosystem === "npm").map((installed) => [installed.location, installed]));

function owners(
  byLocation: ReadonlyMap<string, InstalledPackage>,
  wanted: ReadonlySet<string>,
): ReadonlyMap<InstalledPackage, readonly string[]> {
  const owned = new Map<InstalledPackage, string[]>();
  if (byLocation.size === 0) return owned;
  for (const path of wanted) {
    const owner = ownerOf(byLocation, path);
    if (owner === undefined) continue;
    const paths = owned.get(owner);
    if (paths === undefined) owned.set(owner, [path]);
    else paths.push(path);
  }
  return owned;
}

/** The nearest package folder above a file. A file of a tree that is in no package (.bin, a tool's cache) has no owner. */
function ownerOf(byLocation: ReadonlyMap<string, InstalledPackage>, path: string): InstalledPackage | undefined {
  for (let folder = folderOf(path); folder !== "/"; folder = folderOf(folder)) {
    const owner = byLocation.get(folder);
    if (owner !== undefined) return owner;
    if (folder.endsWith("/node_modules")) return undefined;
  }
  return undefined;
}
