import type { EcosystemId } from "@provost/shared/model/inventory.ts";
import type { ListedPackage } from "./listed-packages.ts";
import type { RangeEvent, VersionRange } from "./version-range.ts";

/** What of one OSV record (ossf.github.io/osv-schema) can be looked for. `other`: what it means and no device of ours has. */
export interface OsvReading {
  readonly packages: readonly ListedPackage[];
  readonly other: number;
}

const bounds = { affected: 1000, versions: 20_000, events: 200, text: 400 };
const ecosystems: Readonly<Record<string, EcosystemId>> = { npm: "npm", PyPI: "pypi" };

export const isOsv = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isRecord(value) && typeof value["id"] === "string" && Array.isArray(value["affected"]);

/** Records of malicious packages (MAL-...). A vulnerability is no indicator: it is counted, and not looked for. */
export function readOsv(record: Readonly<Record<string, unknown>>): OsvReading {
  const id = textOf(record["id"]);
  const affected = listOf(record["affected"], bounds.affected);
  if (id === undefined || !/^MAL-\d{4}-\d{1,10}$/.test(id)) return { packages: [], other: 1 };
  // It was taken back: what it named is not malicious.
  if (typeof record["withdrawn"] === "string") return { packages: [], other: 0 };
  const packages = affected.map((one) => packageOf(id, one));
  return {
    packages: packages.filter((one) => one !== undefined),
    other: packages.filter((one) => one === undefined).length,
  };
}

function packageOf(id: string, affected: unknown): ListedPackage | undefined {
  const about = isRecord(affected) && isRecord(affected["package"]) ? affected["package"] : undefined;
  const ecosystem = ecosystems[textOf(about?.["ecosystem"]) ?? ""];
  const name = textOf(about?.["name"]);
  if (!isRecord(affected) || ecosystem === undefined || name === undefined) return undefined;
  const versions = listOf(affected["versions"], bounds.versions).flatMap((version) => textOf(version) ?? []);
  const ranges = listOf(affected["ranges"], bounds.affected).flatMap((range) => rangeOf(range) ?? []);
  if (versions.length === 0 && ranges.length === 0) return undefined;
  return { id, ecosystem, name, versions, ranges };
}

/** A list, so that flatMap leaves it whole. Commits (type GIT) name nothing that is installed. */
function rangeOf(range: unknown): readonly [VersionRange] | undefined {
  if (!isRecord(range) || (range["type"] !== "SEMVER" && range["type"] !== "ECOSYSTEM")) return undefined;
  const events = listOf(range["events"], bounds.events).flatMap((event) => eventOf(event) ?? []);
  return events.length === 0 ? undefined : [events];
}

function eventOf(event: unknown): RangeEvent | undefined {
  if (!isRecord(event)) return undefined;
  for (const at of ["introduced", "fixed", "last_affected", "limit"] as const) {
    const version = textOf(event[at]);
    if (version !== undefined) return { at, version };
  }
  return undefined;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value.length <= bounds.text ? value : undefined;
const listOf = (value: unknown, most: number): readonly unknown[] =>
  Array.isArray(value) ? (value as unknown[]).slice(0, most) : [];
