import { normalName } from "@provost/shared/ecosystems/pypi/name.ts";
import type { EcosystemId } from "@provost/shared/model/inventory.ts";
import { isInRange } from "./version-range.ts";
import type { VersionRange } from "./version-range.ts";

/** One package that a record names, with the versions that it means. */
export interface ListedPackage {
  /** "MAL-2026-3465". */
  readonly id: string;
  readonly ecosystem: EcosystemId;
  readonly name: string;
  readonly versions: readonly string[];
  readonly ranges: readonly VersionRange[];
}

/** Packages that somebody says are malicious, by their name. */
export class ListedPackages {
  readonly #byName = new Map<string, { readonly listed: ListedPackage; readonly source: number }[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(listed: ListedPackage, source: number): void {
    const key = keyOf(listed.ecosystem, listed.name);
    const known = this.#byName.get(key);
    if (known === undefined) this.#byName.set(key, [{ listed, source }]);
    else known.push({ listed, source });
    this.#size += 1;
  }

  /** The first record that means this version. */
  find(
    ecosystem: EcosystemId,
    name: string,
    version: string,
  ): { readonly id: string; readonly source: number } | undefined {
    const found = this.#byName
      .get(keyOf(ecosystem, name))
      ?.find(
        ({ listed }) =>
          listed.versions.includes(version) || listed.ranges.some((range) => isInRange(ecosystem, version, range)),
      );
    return found === undefined ? undefined : { id: found.listed.id, source: found.source };
  }
}

const keyOf = (ecosystem: EcosystemId, name: string): string =>
  `${ecosystem} ${ecosystem === "pypi" ? normalName(name) : name}`;
