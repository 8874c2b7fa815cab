import { folderOf } from "@provost/shared/ecosystems/packaged-path.ts";
import { readNpmDeclared } from "@provost/shared/ecosystems/npm/declared.ts";
import { readPypiDeclared } from "@provost/shared/ecosystems/pypi/declared.ts";
import type { InstalledPackage } from "@provost/shared/model/inventory.ts";
import type { RootView } from "../ecosystems/root-view.ts";

/** What the installed packages of one root declare, and which of them meet it. By location. */
export type DeclaredAt = ReadonlyMap<string, { readonly licence?: string; readonly dependsOn: readonly string[] }>;

export function declaredAt(view: RootView, packages: readonly InstalledPackage[]): DeclaredAt {
  const npm = new Set(packages.filter(({ ecosystem }) => ecosystem === "npm").map(({ location }) => location));
  const pypi = new Map(
    packages
      .filter(({ ecosystem }) => ecosystem === "pypi")
      .map(({ location, name }) => [`${folderOf(location)}\n${name}`, location]),
  );
  return new Map(
    packages.flatMap((item) => {
      const declared = declaredBy(view, item);
      if (declared === undefined) return [];
      const dependsOn = declared.dependencies.flatMap((name) =>
        item.ecosystem === "npm"
          ? (nearest(item.location, name, npm) ?? [])
          : (pypi.get(`${folderOf(item.location)}\n${name}`) ?? []),
      );
      const { licence } = declared;
      return [[item.location, { dependsOn, ...(licence === undefined ? {} : { licence }) }] as const];
    }),
  );
}

const maxManifest = 4 * 1024 * 1024;

function declaredBy(view: RootView, { ecosystem, location }: InstalledPackage) {
  switch (ecosystem) {
    case "npm": {
      const read = view.read(`${location}/package.json`, maxManifest);
      return read.kind === "bytes" ? readNpmDeclared(read.bytes) : undefined;
    }
    case "pypi": {
      const opened = view.chunks(`${location}/METADATA`);
      return opened.kind === "chunks" ? readPypiDeclared(opened.chunks) : undefined;
    }
    default:
      // dpkg's Depends names alternatives and virtual packages: which one meets it, only dpkg's solver knows.
      return undefined;
  }
}

/** Node's own way: node_modules in the package, then in each folder above it. */
function nearest(location: string, name: string, known: ReadonlySet<string>): string | undefined {
  for (let folder = location; folder !== "/"; folder = folderOf(folder)) {
    const place = `${folder}/node_modules/${name}`;
    if (!folder.endsWith("/node_modules") && known.has(place)) return place;
  }
  return known.has(`/node_modules/${name}`) ? `/node_modules/${name}` : undefined;
}
