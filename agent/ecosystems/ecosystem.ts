import type { EcosystemId, FileRecord, InstalledPackage, InventoryProblem } from "@provost/shared/model/inventory.ts";
import type { RootView } from "./root-view.ts";

/**
 * What the one walk over a disk noticed for the ecosystems. Every path but `root` is path text, absolute inside that root,
 * and real: the walk follows no symlink.
 */
export interface Found {
  /** "" for the device's own root, else the folder that is the root of a container or chroot. */
  readonly root: string;
  /** Folders named node_modules. */
  readonly nodeModules: readonly string[];
  /** Folders or files named *.dist-info or *.egg-info. */
  readonly distInfos: readonly string[];
  /** package-lock.json, npm-shrinkwrap.json and node_modules/.package-lock.json. */
  readonly lockfiles: readonly string[];
}

/** One folder below this one per package ecosystem, one line in index.ts. Reading is synchronous: it runs in its own process. */
export interface DiskEcosystem {
  readonly id: EcosystemId;
  packages(view: RootView, found: Found): Iterable<InstalledPackage | InventoryProblem>;
  /**
   * Owners and recorded digests of exactly the `wanted` real paths. `packages` are those this ecosystem gave for this root;
   * others are ignored. Several records of one file are several claims: the caller keeps them all.
   */
  records(
    view: RootView,
    packages: readonly InstalledPackage[],
    wanted: ReadonlySet<string>,
  ): Iterable<FileRecord | InventoryProblem>;
  /** Further records that cost the unpacking of archives kept on this disk, one archive at a time in bounded memory. */
  unpackedRecords?(
    view: RootView,
    packages: readonly InstalledPackage[],
    wanted: ReadonlySet<string>,
  ): AsyncIterable<FileRecord | InventoryProblem>;
  /** Licences, and where the packages lie that meet what one needs. Left out where only a solver could tell. */
  declared?(view: RootView, packages: readonly InstalledPackage[]): DeclaredAt;
}

/** What installed packages say of themselves, by location: their authors' word, for lists and never for verdicts. */
export type DeclaredAt = ReadonlyMap<string, { readonly licence?: string; readonly needs: readonly string[] }>;

export const isProblem = (item: InstalledPackage | FileRecord | InventoryProblem): item is InventoryProblem =>
  !("purl" in item);
