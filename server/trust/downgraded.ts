import { createHash } from "node:crypto";
import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { Instant } from "@provost/shared/model/ids.ts";
import { npmPurl } from "@provost/shared/ecosystems/purl.ts";
import type { PackageAtRest } from "../intel/at-rest.ts";
import { compareInEcosystem } from "../intel/version-range.ts";
import type { Wanted } from "./upstreams/upstream.ts";

export type WantedPackage = Extract<Wanted, { kind: "package" }>;

/** What the server knows of registries and devices. */
export interface PackageBooks {
  /** Versions of this package whose registry has answered; what it was asked lately, not what there ever was. */
  answeredVersions(ecosystem: WantedPackage["ecosystem"], name: string): readonly string[];
  /** Whether the library holds an attestation of the registry's own kind for it. */
  isAttested(purl: string): boolean;
  installsOf(ecosystem: WantedPackage["ecosystem"], name: string, version: string): readonly PackageAtRest[];
}

/**
 * After the registry answered for a version: which versions of the package have no attestation while the newest version before each, of
 * those the server asked about, has one. Whoever took over a publisher's account publishes from another place than the project's own
 * build does. Of npm alone: a document of PyPI's names a file and no package.
 */
export function downgraded(
  { ecosystem, name }: WantedPackage,
  books: PackageBooks,
  now: number,
): readonly DetectedFinding[] {
  if (ecosystem !== "npm") return [];
  const versions = books
    .answeredVersions(ecosystem, name)
    .filter((one) => compareInEcosystem(ecosystem, one, one) !== undefined)
    .toSorted((a, b) => compareInEcosystem(ecosystem, a, b) ?? 0);
  const has = versions.map((one) => books.isAttested(npmPurl(name, one) ?? ""));
  return versions.flatMap((version, at) => {
    const before = versions[at - 1];
    return before === undefined || has[at] !== false || has[at - 1] !== true
      ? []
      : withoutAttestation(name, version, before, books, now);
  });
}

function withoutAttestation(
  name: string,
  version: string,
  before: string,
  books: PackageBooks,
  now: number,
): readonly DetectedFinding[] {
  return books.installsOf("npm", name, version).map(({ device, root, location, purl }): DetectedFinding => ({
    id: idOf(device, `${root}\n${location}\n${purl}`),
    device,
    at: now as Instant,
    source: "reducer",
    rule: {
      id: "provost.package-provenance",
      title: "A package comes without the attestation that its version before had",
      author: "Provost",
      license: "Apache-2.0",
    },
    level: "medium",
    techniques: ["T1195.002"],
    sentence: `${name} ${version} in ${root}${location} has no attestation at its registry; ${before}, the version before it here, has one.`,
    subject: { kind: "package", purl },
    lineage: [],
    events: [],
    provenanceChange: 0.9,
    facts: { package: purl, "attested before": npmPurl(name, before) ?? before, location: `${root}${location}` },
  }));
}

const idOf = (device: string, what: string): string =>
  `fnd_${createHash("sha256").update(`provost.package-provenance\n${device}\n${what}`).digest("hex").slice(0, 24)}`;
