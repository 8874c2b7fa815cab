import { isBelow } from "@provost/shared/ecosystems/packaged-path.ts";
import type { Purl } from "@provost/shared/model/ids.ts";
import type { InstalledPackage } from "@provost/shared/model/inventory.ts";
import type { BillItem } from "@provost/shared/sbom/bill.ts";

/** Installed packages as parts of a bill, and which of them a file belongs to. */
export interface InstalledItems {
  readonly items: readonly BillItem[];
  /** The part for a package of this root that a record names for the file; of several places, the one that holds it. */
  ownerOf(root: string, purl: Purl, path: string): string | undefined;
}

export function installedItems(
  packages: readonly InstalledPackage[],
  more: (item: InstalledPackage) => Pick<BillItem, "properties" | "evidence"> = () => ({
    properties: [],
    evidence: [],
  }),
): InstalledItems {
  const places = Map.groupBy(packages, ({ purl }) => purl);
  const owners = new Map<string, { readonly location: string; readonly ref: string }[]>();
  const items = new Map<string, BillItem>();
  for (const item of packages) {
    const alone = places.get(item.purl)?.length === 1;
    const ref = alone ? item.purl : `${item.purl}#${item.root}${item.location}`;
    items.set(ref, packageItem(item, ref, more(item)));
    const key = `${item.root}\n${item.purl}`;
    owners.set(key, [...(owners.get(key) ?? []), { location: item.location, ref }]);
  }
  return {
    items: [...items.values()],
    ownerOf(root, purl, path) {
      const known = owners.get(`${root}\n${purl}`) ?? [];
      const holding = known.filter(({ location }) => isBelow(path, location));
      const nearest = holding.toSorted((a, b) => b.location.length - a.location.length)[0];
      return (nearest ?? known[0])?.ref;
    },
  };
}

function packageItem(
  item: InstalledPackage,
  ref: string,
  { properties, evidence }: Pick<BillItem, "properties" | "evidence">,
): BillItem {
  // Only dpkg's origin names who made the package; npm's and PyPI's say where it came from.
  const supplier = item.ecosystem === "deb" ? item.origin : undefined;
  const origin = item.ecosystem === "deb" ? undefined : item.origin;
  return {
    ref,
    kind: "library",
    name: item.name,
    version: item.version,
    purl: item.purl,
    digests: [],
    ...(supplier === undefined ? {} : { supplier }),
    location: item.root + item.location,
    evidence,
    properties: [
      ["provost:ecosystem", item.ecosystem],
      ...(item.arch === undefined ? [] : [["provost:architecture", item.arch] as const]),
      ...(item.source === undefined ? [] : [["provost:source", `${item.source.name} ${item.source.version}`] as const]),
      ...(origin === undefined ? [] : [["provost:origin", origin] as const]),
      ...(item.integrity === undefined ? [] : [["provost:pinned", item.integrity] as const]),
      ...(item.state === undefined ? [] : [["provost:state", item.state] as const]),
      ...properties,
    ],
  };
}
