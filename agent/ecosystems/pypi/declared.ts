import { folderOf } from "@provost/shared/ecosystems/packaged-path.ts";
import { readPypiDeclared } from "@provost/shared/ecosystems/pypi/declared.ts";
import type { InstalledPackage } from "@provost/shared/model/inventory.ts";
import type { DeclaredAt } from "../ecosystem.ts";
import type { RootView } from "../root-view.ts";

/** What each distribution's METADATA declares, and the distributions beside it that meet it. */
export function pypiDeclared(view: RootView, packages: readonly InstalledPackage[]): DeclaredAt {
  const beside = new Map(packages.map(({ location, name }) => [`${folderOf(location)}\n${name}`, location]));
  return new Map(
    packages.flatMap(({ location }) => {
      const opened = view.chunks(`${location}/METADATA`);
      if (opened.kind !== "chunks") return [];
      const { licence, dependencies } = readPypiDeclared(opened.chunks);
      const needs = dependencies.flatMap((name) => beside.get(`${folderOf(location)}\n${name}`) ?? []);
      return [[location, { needs, ...(licence === undefined ? {} : { licence }) }] as const];
    }),
  );
}
