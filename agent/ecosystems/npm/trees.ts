import { readPackageJson, type PackageJson } from "@provost/shared/ecosystems/npm/package-json.ts";
import { isInNodeModules, isInstallTree } from "@provost/shared/ecosystems/npm/places.ts";
import type { InventoryProblem } from "@provost/shared/model/inventory.ts";
import { problemOf, type RootView } from "../root-view.ts";

/** A package's real folder. `linked`: a tree points to it, it lies in none (a workspace, `npm link`). */
export interface PackageFolder {
  readonly location: string;
  readonly linked: boolean;
}

/** Each folder once, in the order of the trees. */
export function* packageFolders(
  view: RootView,
  nodeModules: readonly string[],
): Generator<PackageFolder | InventoryProblem> {
  const seen = new Set<string>();
  for (const tree of nodeModules.filter(isInstallTree))
    for (const item of foldersOf(view, tree, "scopes")) {
      if ("why" in item) yield item;
      else if (!seen.has(item.location)) {
        seen.add(item.location);
        yield item;
      }
    }
}

/** The package a folder holds; undefined when it has no package.json, so is none. */
export function packageAt(view: RootView, location: string): PackageJson | InventoryProblem | undefined {
  const path = `${location}/package.json`;
  const read = view.read(path, MAX_PACKAGE_JSON);
  if (read.kind === "absent") return undefined;
  if (read.kind === "refused") return problemOf(path, read);
  const json = readPackageJson(read.bytes);
  return json.kind === "refused" ? { path, basis: "unsupported", why: json.why } : json;
}

const MAX_PACKAGE_JSON = 4 * 1024 * 1024;
const MAX_ENTRIES = 100_000;

function* foldersOf(
  view: RootView,
  folder: string,
  mode: "scopes" | "one-scope",
): Generator<PackageFolder | InventoryProblem> {
  const listed = view.list(folder, MAX_ENTRIES);
  if (listed.kind === "refused") yield problemOf(folder, listed);
  if (listed.kind !== "entries") return;
  for (const { name, kind } of listed.entries) {
    const path = `${folder}/${name}`;
    if (name.startsWith(".") || (kind !== "folder" && kind !== "link")) continue;
    if (mode === "scopes" && name.startsWith("@")) yield* foldersOf(view, path, "one-scope");
    else if (kind === "folder") yield { location: path, linked: false };
    else yield* linkedFolder(view, path);
  }
}

/** A link into some node_modules is that tree's own package (pnpm) and comes with it. */
function* linkedFolder(view: RootView, path: string): Generator<PackageFolder | InventoryProblem> {
  const target = view.real(path);
  if (target.kind === "refused") yield problemOf(path, target);
  if (target.kind === "real" && !isInNodeModules(target.path) && view.status(target.path).found)
    yield { location: target.path, linked: true };
}
