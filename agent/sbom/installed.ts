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

/** What else is known of one package. */
export interface PackageMore {
  readonly properties?: BillItem["properties"];
  readonly evidence?: BillItem["evidence"];
  readonly licence?: string;
  /** Where the packages that it needs lie, in the same root and ecosystem. */
  readonly needs?: readonly string[];
}

export function installedItems(
  packages: readonly InstalledPackage[],
  more: (item: InstalledPackage) => PackageMore = () => ({}),
  /** How the bill writes where something lies. */
  shown: (place: string) => string = (place) => place,
): InstalledItems {
  const alike = Map.groupBy(packages, ({ purl }) => purl);
  const refOf = ({ purl, root, location }: InstalledPackage): string =>
    alike.get(purl)?.length === 1 ? purl : `${purl}#${shown(root + location)}`;
  const places = new Map(packages.map((item) => [placeOf(item, item.location), refOf(item)]));
  const owners = Map.groupBy(packages, ({ root, purl }) => `${root}\n${purl}`);
  const items = new Map<string, BillItem>();
  for (const item of packages) {
    const { needs = [], ...told } = more(item);
    const dependsOn = needs.flatMap((location) => places.get(placeOf(item, location)) ?? []);
    const location = shown(item.root + item.location);
    items.set(refOf(item), { ...packageItem(item, refOf(item), told), location, dependsOn });
  }
  return {
    items: [...items.values()],
    ownerOf(root, purl, path) {
      const known = owners.get(`${root}\n${purl}`) ?? [];
      const holding = known.filter(({ location }) => isBelow(path, location));
      const nearest = holding.toSorted((a, b) => b.location.length - a.location.length)[0] ?? known[0];
      return nearest && refOf(nearest);
    },
  };
}

const placeOf = ({ root, ecosystem }: InstalledPackage, location: string): string =>
  `${ecosystem}\n${root}\n${location}`;

function packageItem(item: InstalledPackage, ref: string, more: PackageMore): BillItem {
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
    ...(more.licence === undefined ? {} : { licence: more.licence }),
    evidence: more.evidence ?? [],
    properties: [
      ["provost:ecosystem", item.ecosystem],
      ...(item.arch === undefined ? [] : [["provost:architecture", item.arch] as const]),
      ...(item.source === undefined ? [] : [["provost:source", `${item.source.name} ${item.source.version}`] as const]),
      ...(origin === undefined ? [] : [["provost:origin", origin] as const]),
      ...(item.integrity === undefined ? [] : [["provost:pinned", item.integrity] as const]),
      ...(item.state === undefined ? [] : [["provost:state", item.state] as const]),
      ...(more.properties ?? []),
    ],
  };
}
