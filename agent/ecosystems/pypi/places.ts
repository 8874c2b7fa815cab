import { folderOf, nameOf } from "@provost/shared/ecosystems/packaged-path.ts";
import type { InventoryProblem } from "@provost/shared/model/inventory.ts";
import { problemOf, type RootView } from "../root-view.ts";

/**
 * Which of the metadata on the disk is of installed distributions: all that lies in a site-packages or dist-packages folder; a
 * --target folder's (it has a RECORD); what an egg-link or an .egg folder adds. Not what a distribution vendors inside itself,
 * and not the egg-info of sources that nobody installed.
 */
export function* installedPlaces(view: RootView, distInfos: readonly string[]): Generator<string | InventoryProblem> {
  const libraries = new Set(distInfos.map(folderOf));
  const linked = new Set<string>();
  for (const library of [...libraries].filter(isLibrary)) yield* eggsOf(view, library, linked);
  for (const place of distInfos) {
    const folder = folderOf(place);
    if (nameOf(place).startsWith("~"))
      yield { path: place, basis: "unsupported", why: "left over from an installation that was interrupted" };
    else if (isLibrary(folder) || linked.has(folder)) yield place;
    else if (!isVendored(folder, libraries) && isTarget(view, place)) yield place;
  }
}

const MAX_ENTRIES = 100_000;
const MAX_LINK = 16 * 1024;
/** lib-dynload holds the interpreter's own egg-info in old ones; it is no distribution. */
const isLibrary = (folder: string): boolean => /\/(?:site|dist)-packages$/.test(folder);

function isVendored(folder: string, libraries: ReadonlySet<string>): boolean {
  if (/\/(?:site|dist)-packages\//.test(folder)) return true;
  for (let above = folderOf(folder); above !== "/"; above = folderOf(above)) if (libraries.has(above)) return true;
  return false;
}

/** A wheel installed with --target: its RECORD names files that are there. */
function isTarget(view: RootView, place: string): boolean {
  if (!place.endsWith(".dist-info") || !view.status(`${place}/RECORD`).found) return false;
  return view.status(`${place}/INSTALLER`).found;
}

/** setuptools: NAME.egg-link names a source folder; NAME.egg is a folder with EGG-INFO or a zip of one. */
function* eggsOf(view: RootView, library: string, linked: Set<string>): Generator<string | InventoryProblem> {
  const listed = view.list(library, MAX_ENTRIES);
  if (listed.kind === "refused") yield problemOf(library, listed);
  if (listed.kind !== "entries") return;
  for (const { name, kind } of listed.entries) {
    const path = `${library}/${name}`;
    if (name.endsWith(".egg-link")) linked.add(targetOf(view, path));
    else if (name.endsWith(".egg") && kind === "folder" && view.status(`${path}/EGG-INFO/PKG-INFO`).found)
      yield `${path}/EGG-INFO`;
    else if (name.endsWith(".egg") && kind === "file")
      yield { path, basis: "unsupported", why: "a zipped egg: its files are not on the disk" };
  }
}

function targetOf(view: RootView, path: string): string {
  const read = view.read(path, MAX_LINK);
  const line = read.kind === "bytes" ? (new TextDecoder().decode(read.bytes).split("\n")[0] ?? "").trim() : "";
  const real = line.startsWith("/") && !line.includes("\\") ? view.real(line) : undefined;
  return real?.kind === "real" ? real.path : "";
}
