import { readNpmDeclared } from "@provost/shared/ecosystems/npm/declared.ts";
import { folderOf } from "@provost/shared/ecosystems/packaged-path.ts";
import type { InstalledPackage } from "@provost/shared/model/inventory.ts";
import type { DeclaredAt } from "../ecosystem.ts";
import type { RootView } from "../root-view.ts";

/** What each package.json declares, and the installed packages that meet it. */
export function npmDeclared(view: RootView, packages: readonly InstalledPackage[]): DeclaredAt {
  const known = new Set(packages.map(({ location }) => location));
  return new Map(
    packages.flatMap(({ location }) => {
      const read = view.read(`${location}/package.json`, maxManifest);
      if (read.kind !== "bytes") return [];
      const { licence, dependencies } = readNpmDeclared(read.bytes);
      const needs = dependencies.flatMap((name) => nearest(location, name, known) ?? []);
      return [[location, { needs, ...(licence === undefined ? {} : { licence }) }] as const];
    }),
  );
}

const maxManifest = 4 * 1024 * 1024;

/** Node's own way: node_modules in the package, then in each folder above it. */
function nearest(location: string, name: string, known: ReadonlySet<string>): string | undefined {
  for (let folder = location; folder !== "/"; folder = folderOf(folder)) {
    const place = `${folder}/node_modules/${name}`;
    if (!folder.endsWith("/node_modules") && known.has(place)) return place;
  }
  return known.has(`/node_modules/${name}`) ? `/node_modules/${name}` : undefined;
}
