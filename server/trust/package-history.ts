import { createHash } from "node:crypto";
import type { DetectedFinding, Level } from "@provost/shared/model/detection.ts";
import type { Instant } from "@provost/shared/model/ids.ts";
import { npmPurl, pypiPurl } from "@provost/shared/ecosystems/purl.ts";
import type { BuildOrigin } from "@provost/shared/provenance/build-origin.ts";
import type { PackageAtRest } from "../intel/at-rest.ts";
import { compareInEcosystem } from "../intel/version-range.ts";
import { moveBetween, type Move } from "./origin-move.ts";
import type { Wanted } from "./upstreams/upstream.ts";

export type WantedPackage = Extract<Wanted, { kind: "package" }>;

/** What the server knows of registries and devices. */
export interface PackageBooks {
  /** Versions of this package whose registry has answered; what it was asked lately, not what there ever was. */
  answeredVersions(ecosystem: WantedPackage["ecosystem"], name: string): readonly string[];
  /** Undefined: the library holds no attestation of the registry's own kind for it. Empty: one that names no repository. */
  attestedOrigins(ecosystem: WantedPackage["ecosystem"], purl: string): readonly BuildOrigin[] | undefined;
  installsOf(ecosystem: WantedPackage["ecosystem"], name: string, version: string): readonly PackageAtRest[];
}

/**
 * After the registry answered for a version: which installed versions of the package come with less, or from elsewhere, than those before
 * them. Whoever took over a publisher's account publishes from another place than the project's own build does. Compared is with the
 * newest version before of which the registry was asked; where that one is attested from elsewhere, with the newest one that is attested.
 */
export function packageHistory(
  { ecosystem, name }: WantedPackage,
  books: PackageBooks,
  now: number,
): readonly DetectedFinding[] {
  const versions = books
    .answeredVersions(ecosystem, name)
    .filter((one) => compareInEcosystem(ecosystem, one, one) !== undefined)
    .toSorted((a, b) => compareInEcosystem(ecosystem, a, b) ?? 0)
    .map((version): Version => ({ version, purl: purlOf(ecosystem, name, version) }));
  const origins = versions.map(({ purl }) => books.attestedOrigins(ecosystem, purl));
  return versions.flatMap((version, at) => {
    const says = saysOf(name, versions, origins, at);
    if (says === undefined) return [];
    return books.installsOf(ecosystem, name, version.version).map((installed) => findingOf(installed, says, now));
  });
}

type Origins = readonly (readonly BuildOrigin[] | undefined)[];

/** What is to be said of the version at this place; undefined: it is attested as the one before it, or as little. */
function saysOf(name: string, versions: readonly Version[], origins: Origins, at: number): Says | undefined {
  const [version, here] = [versions[at], origins[at]];
  if (version === undefined) return undefined;
  if (here === undefined) {
    const before = origins[at - 1] === undefined ? undefined : versions[at - 1];
    return before === undefined ? undefined : withoutAttestation(name, before, version);
  }
  const last = origins.findLastIndex((one, place) => place < at && one !== undefined);
  const [before, move] = [versions[last], moveBetween(origins[last] ?? [], here)];
  return before === undefined || move === undefined ? undefined : fromElsewhere(name, before, version, move);
}

interface Version {
  readonly version: string;
  readonly purl: string;
}

const purlOf = (ecosystem: WantedPackage["ecosystem"], name: string, version: string): string =>
  (ecosystem === "npm" ? npmPurl(name, version) : pypiPurl(name, version)) ?? "";

/** What is told of each installation of a version. */
interface Says {
  readonly rule: string;
  readonly title: string;
  readonly level: Level;
  readonly provenanceChange: number;
  sentence(place: string): string;
  readonly facts: Readonly<Record<string, string>>;
}

const withoutAttestation = (name: string, before: Version, { version }: Version): Says => ({
  rule: "provost.package-provenance",
  title: "A package comes without the attestation that its version before had",
  level: "medium",
  provenanceChange: 0.9,
  sentence: (place) =>
    `${name} ${version} in ${place} has no attestation at its registry; ${before.version}, the version before it here, has one.`,
  facts: { "attested before": before.purl },
});

const changes: Readonly<Record<Move["kind"], { readonly level: Level; readonly provenanceChange: number }>> = {
  // A project that moves does so, too: only what the version does besides makes more of it.
  repository: { level: "medium", provenanceChange: 0.9 },
  builder: { level: "medium", provenanceChange: 0.7 },
  transferred: { level: "low", provenanceChange: 0.4 },
  renamed: { level: "informational", provenanceChange: 0.1 },
};

const fromElsewhere = (name: string, before: Version, { version }: Version, { kind, says, facts }: Move): Says => ({
  rule: "provost.package-moved",
  title: "A package is attested from another place than its version before",
  ...changes[kind],
  sentence: (place) => `${name} ${version} in ${place} ${says(before.version)}`,
  facts: { "attested before": before.purl, ...facts },
});

function findingOf({ device, root, location, purl }: PackageAtRest, says: Says, now: number): DetectedFinding {
  const place = `${root}${location}`;
  return {
    id: idOf(says.rule, device, `${root}\n${location}\n${purl}`),
    device,
    at: now as Instant,
    source: "reducer",
    rule: { id: says.rule, title: says.title, author: "Provost", license: "Apache-2.0" },
    level: says.level,
    techniques: ["T1195.002"],
    sentence: says.sentence(place).slice(0, 2000),
    subject: { kind: "package", purl },
    lineage: [],
    events: [],
    provenanceChange: says.provenanceChange,
    facts: { package: purl, ...says.facts, location: place },
  };
}

const idOf = (rule: string, device: string, what: string): string =>
  `fnd_${createHash("sha256").update(`${rule}\n${device}\n${what}`).digest("hex").slice(0, 24)}`;
