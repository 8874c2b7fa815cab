import type { FileRecord, InstalledPackage, InventoryProblem } from "@provost/shared/model/inventory.ts";
import { deb } from "./deb/deb.ts";
import type { DiskEcosystem } from "./ecosystem.ts";
import { npm } from "./npm/npm.ts";
import { pypi } from "./pypi/pypi.ts";
import type { RootView } from "./root-view.ts";

export { aptSources } from "./deb/apt-config.ts";

export const diskEcosystems: readonly DiskEcosystem[] = [deb, npm, pypi];

/** Every record of every ecosystem about the `wanted` files of one root. */
export async function* recordsOf(
  view: RootView,
  packages: readonly InstalledPackage[],
  wanted: ReadonlySet<string>,
): AsyncGenerator<FileRecord | InventoryProblem> {
  for (const ecosystem of diskEcosystems) {
    const own = packages.filter((installed) => installed.ecosystem === ecosystem.id);
    yield* ecosystem.records(view, own, wanted);
    if (ecosystem.unpackedRecords !== undefined) yield* ecosystem.unpackedRecords(view, own, wanted);
  }
}
