import { buildPurl } from "@provost/shared/ecosystems/purl.ts";
import type { BillItem } from "@provost/shared/sbom/bill.ts";
import type { AuditableCrate } from "@provost/shared/self-claims/cargo-auditable.ts";
import type { GoBuildInfo, GoModule } from "@provost/shared/self-claims/go-build-info.ts";
import type { SelfClaims } from "@provost/shared/self-claims/self-claims.ts";

/** What a program says it was built from, as parts of a bill. Every one of them is marked as claimed by the file alone. */
export interface Claimed {
  readonly properties: BillItem["properties"];
  readonly items: readonly BillItem[];
  /** What the program itself depends on. */
  readonly dependsOn: readonly string[];
}

export function claimedOf({ buildId, packageNote, go, crates }: SelfClaims, holder: string): Claimed {
  const modules = go === undefined ? [] : once(go.modules.map((one) => moduleItem(one, holder)));
  const cargo = crates === undefined ? { items: [], dependsOn: [] } : crateItems(crates, holder);
  return {
    properties: [
      ...(buildId === undefined ? [] : [["provost:claimed:build-id", buildId] as const]),
      ...(packageNote ?? []).map(([name, value]) => [`provost:claimed:package-note:${name}`, value] as const),
      ...(go === undefined ? [] : goProperties(go)),
    ],
    items: [...modules, ...cargo.items],
    dependsOn: [...modules.map(({ ref }) => ref), ...cargo.dependsOn],
  };
}

function goProperties({ goVersion, path, main, settings }: GoBuildInfo): BillItem["properties"] {
  return [
    ["provost:claimed:go", goVersion],
    ...(path === undefined ? [] : [["provost:claimed:go-package", path] as const]),
    ...(main === undefined ? [] : [["provost:claimed:go-module", `${main.path} ${main.version}`] as const]),
    ...settings
      .filter(([name]) => told.test(name))
      .map(([name, value]) => [`provost:claimed:go-build:${name}`, value] as const),
  ];
}

/** Where it was built from, and for what; not the flags and folders of the machine that built it. */
const told = /^(?:vcs(?:\..+)?|GOOS|GOARCH|CGO_ENABLED|-trimpath)$/;

function moduleItem({ path, version, sum, replacedBy }: GoModule, holder: string): BillItem {
  const slash = path.lastIndexOf("/");
  const published = replacedBy === undefined && !version.startsWith("(");
  const purl = published ? modulePurl(path, version, slash) : undefined;
  return {
    ...claimedItem(holder, `${path}@${version}`),
    name: path,
    ...(version === "" ? {} : { version }),
    ...(purl === undefined ? {} : { purl }),
    properties: [
      ...claimedProperties("Go's build info"),
      ...(sum === undefined ? [] : [["provost:claimed:go-sum", sum] as const]),
      ...(replacedBy === undefined ? [] : [["provost:claimed:go-replaced-by", replacedBy] as const]),
    ],
  };
}

const modulePurl = (path: string, version: string, slash: number) =>
  buildPurl({
    type: "golang",
    ...(slash === -1 ? {} : { namespace: path.slice(0, slash) }),
    name: path.slice(slash + 1),
    ...(version === "" ? {} : { version }),
  });

function crateItems(crates: readonly AuditableCrate[], holder: string): Pick<Claimed, "items" | "dependsOn"> {
  const refs = crates.map(({ name, version, source }) => refOf(holder, `cargo:${name}@${version} ${source}`));
  const depending = (at: number): readonly string[] =>
    (crates[at]?.dependencies ?? []).flatMap((to) => refs[to] ?? []).filter((ref) => ref !== refs[at]);
  const items = crates.map(({ name, version, source }, at): BillItem => {
    const purl =
      source === "crates.io" || source === "registry" ? buildPurl({ type: "cargo", name, version }) : undefined;
    return {
      ...claimedItem(holder, `cargo:${name}@${version} ${source}`),
      name,
      version,
      ...(purl === undefined ? {} : { purl }),
      dependsOn: depending(at),
      properties: [...claimedProperties("cargo-auditable"), ["provost:claimed:cargo-source", source]],
    };
  });
  return { items: once(items), dependsOn: crates.flatMap(({ root }, at) => (root ? (refs[at] ?? []) : [])) };
}

const refOf = (holder: string, name: string): string => `${holder}#${name}`;

const claimedItem = (holder: string, name: string) => ({
  ref: refOf(holder, name),
  kind: "library" as const,
  inside: holder,
  digests: [],
  evidence: [],
});

const claimedProperties = (by: string): BillItem["properties"] => [
  ["provost:standing", "unproven"],
  ["provost:basis", "claimed"],
  ["provost:claimed-by", by],
];

const once = (items: readonly BillItem[]): readonly BillItem[] => [
  ...new Map(items.map((item) => [item.ref, item])).values(),
];
