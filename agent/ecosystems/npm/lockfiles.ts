import { readLockfile, type LockedPackage, type Lockfile } from "@provost/shared/ecosystems/npm/lockfile.ts";
import { isInNodeModules } from "@provost/shared/ecosystems/npm/places.ts";
import { folderOf, nameOf } from "@provost/shared/ecosystems/packaged-path.ts";
import type { InventoryProblem } from "@provost/shared/model/inventory.ts";
import { problemOf, type RootView } from "../root-view.ts";

export interface Pin {
  readonly lockfile: string;
  readonly locked: LockedPackage;
}

/** What pins the package at `location`. Lockfiles are read when first asked for, each once. */
export interface Pins {
  pinOf(location: string, version: string): Pin | undefined;
  readonly problems: readonly InventoryProblem[];
}

export function openPins(view: RootView, lockfiles: readonly string[]): Pins {
  const byProject = new Map<string, string[]>();
  for (const path of lockfiles) {
    const project = projectOf(path);
    byProject.set(project, [...(byProject.get(project) ?? []), path].sort(byRank));
  }
  const read = new Map<string, Lockfile | undefined>();
  const problems: InventoryProblem[] = [];
  const lockfileAt = (path: string): Lockfile | undefined => {
    if (!read.has(path)) read.set(path, load(view, path, problems));
    return read.get(path);
  };
  const pinOf = (location: string, version: string): Pin | undefined => {
    for (const project of projectsAbove(location)) {
      const place = project === "/" ? location.slice(1) : location.slice(project.length + 1);
      const pins = (byProject.get(project) ?? []).map((path) => pinAt(path, lockfileAt(path), place, version));
      const found = pins.find((pin) => pin?.locked.integrity !== undefined) ?? pins.find((pin) => pin !== undefined);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return { pinOf, problems };
}

const MAX_LOCKFILE = 32 * 1024 * 1024;
/** The hidden lockfile describes the tree as it is; npm-shrinkwrap.json overrules package-lock.json. */
const rank = [".package-lock.json", "npm-shrinkwrap.json", "package-lock.json"];
const byRank = (a: string, b: string): number => rank.indexOf(nameOf(a)) - rank.indexOf(nameOf(b));
const projectOf = (path: string): string =>
  nameOf(path) === ".package-lock.json" ? folderOf(folderOf(path)) : folderOf(path);

/** Nearest first, but a project's own lockfile before one that a package brought along: npm obeys only the former. */
function projectsAbove(location: string): readonly string[] {
  const above: string[] = [];
  for (let folder = folderOf(location); ; folder = folderOf(folder)) {
    above.push(folder);
    if (folder === "/") break;
  }
  return [...above.filter((folder) => !isInNodeModules(folder)), ...above.filter(isInNodeModules)];
}

function pinAt(path: string, lockfile: Lockfile | undefined, place: string, version: string): Pin | undefined {
  const locked = lockfile?.packages.get(place);
  // Another version lies there than the lockfile pinned: its integrity is about something else. Version 1 wrote URLs there too.
  return locked === undefined ||
    (locked.version !== undefined && locked.version !== version && !locked.version.includes(":"))
    ? undefined
    : { lockfile: path, locked };
}

function load(view: RootView, path: string, problems: InventoryProblem[]): Lockfile | undefined {
  const read = view.read(path, MAX_LOCKFILE);
  if (read.kind === "refused") problems.push(problemOf(path, read));
  if (read.kind !== "bytes") return undefined;
  const lockfile = readLockfile(read.bytes);
  if (lockfile.kind === "refused") {
    problems.push({ path, basis: "unsupported", why: lockfile.why });
    return undefined;
  }
  if (lockfile.skipped > 0)
    problems.push({
      path,
      basis: "unsupported",
      why: `${lockfile.skipped} entries of the lockfile name no place below it`,
    });
  return lockfile;
}
