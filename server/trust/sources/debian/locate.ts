import { compareVersions } from "@provost/shared/ecosystems/deb/version.ts";
import { type PackageEntry, readPackageEntry } from "@provost/shared/ecosystems/deb/packages-index.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { AptSource } from "@provost/shared/model/inventory.ts";
import type { ChainLink } from "@provost/shared/model/verdict.ts";
import type { EvidenceStore } from "../../evidence-store.ts";
import type { IndexCache } from "../../index-cache.ts";
import type { ManifestStore, Membership, PackageVersion } from "../../manifest-store.ts";
import { type Archive, type ArchiveIndex, indicesFor, type VerifiedArchive } from "./archive.ts";
import { findStanzas } from "./find-stanzas.ts";

/** One signed .deb for the wanted version, and where its bytes can be had. */
export interface Candidate {
  readonly archive: Sha256;
  readonly size: number;
  readonly source: AptSource;
  readonly filename: string;
  readonly links: readonly ChainLink[];
}

export type Located =
  | {
      readonly kind: "found";
      readonly candidates: readonly [Candidate, ...Candidate[]];
      readonly notes: readonly string[];
    }
  | {
      readonly kind: "lapsed" | "unreachable" | "stale" | "failed" | "unsupported";
      readonly says: string;
      readonly wanted: string;
    };

export interface LocateParts {
  readonly store: ManifestStore;
  readonly evidence: EvidenceStore;
  readonly indexCache: IndexCache;
  readonly now: () => Instant;
}

export type Locate = (
  wanted: PackageVersion,
  names: ReadonlySet<string>,
  archives: readonly Archive[],
  signal: AbortSignal,
) => Promise<Located>;

/** Searches the indices of verified archives; one pass over an index answers for all `names` that are wanted now. */
export function openLocate(parts: LocateParts): Locate {
  const searches = new Map<Sha256, Promise<Trouble | undefined>>();
  return async (wanted, names, archives, signal) => {
    const found: Candidate[] = [];
    const listed: PackageEntry[] = [];
    const troubles: Trouble[] = archives.flatMap(troubleOf);
    for (const archive of archives) {
      if (archive.kind !== "verified") continue;
      for (const index of indicesFor(archive, wanted.arch)) {
        const trouble = await searchOnce(searches, parts, index, wanted.name, names, signal);
        if (trouble !== undefined) troubles.push(trouble);
        for (const stanza of parts.store.lookedUp(index.file.sha256, wanted.name) ?? []) {
          const reading = readPackageEntry(stanza);
          if (reading.kind === "refused")
            troubles.push({ kind: "failed", says: `${archive.source.uri}: ${reading.why}` });
          else if (!matches(reading.entry, wanted)) listed.push(reading.entry);
          else found.push(candidateOf(archive, index, reading.entry, stanza, parts));
        }
      }
    }
    return conclude(wanted, distinct(found), listed, troubles, archives.length);
  };
}

interface Trouble {
  readonly kind: "unreachable" | "stale" | "failed";
  readonly says: string;
  readonly wanted?: string;
}

function troubleOf(archive: Archive): readonly Trouble[] {
  switch (archive.kind) {
    case "verified":
      return [];
    case "refused":
      return [{ kind: "failed", says: archive.says }];
    case "stale":
      return [{ kind: "stale", says: archive.says, wanted: archive.wanted }];
    default:
      return [{ kind: "unreachable", says: archive.says }];
  }
}

const matches = (entry: PackageEntry, wanted: PackageVersion): boolean =>
  entry.name === wanted.name && entry.version === wanted.version && entry.arch === wanted.arch;

/** Two packages that ask for one index at the same time share its search. */
async function searchOnce(
  searches: Map<Sha256, Promise<Trouble | undefined>>,
  parts: LocateParts,
  index: ArchiveIndex,
  name: string,
  names: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Trouble | undefined> {
  const id = index.file.sha256;
  while (parts.store.lookedUp(id, name) === undefined) {
    const running = searches.get(id);
    if (running !== undefined) {
      const trouble = await running;
      if (trouble !== undefined) return trouble;
      continue;
    }
    const search = searchIndex(parts, index, new Set([...names, name]), signal).finally(() => searches.delete(id));
    searches.set(id, search);
  }
  return undefined;
}

async function searchIndex(
  parts: LocateParts,
  index: ArchiveIndex,
  names: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Trouble | undefined> {
  const missing = new Set([...names].filter((name) => parts.store.lookedUp(index.file.sha256, name) === undefined));
  const cached = await parts.indexCache.load(index.file, index.urls, signal);
  if (cached.kind === "contradicted" || cached.kind === "refused") return { kind: "failed", says: cached.says };
  if (cached.kind !== "bytes") return { kind: "unreachable", says: cached.says };
  const found = await findStanzas(cached.bytes, index.how, missing, signal);
  if (found.kind === "refused") return { kind: "failed", says: `${index.path}: ${found.why}` };
  parts.store.recordLookups(
    index.file.sha256,
    new Map([...missing].map((name) => [name, found.stanzas.get(name) ?? []])),
    parts.now(),
  );
  return undefined;
}

function candidateOf(
  archive: VerifiedArchive,
  index: ArchiveIndex,
  entry: PackageEntry,
  stanza: string,
  parts: LocateParts,
): Candidate {
  const links = linksOf(archive, index, entry, stanza, parts.evidence);
  const { source, signers } = archive;
  const candidate = { archive: entry.sha256, size: entry.size, source, filename: entry.filename, links };
  for (const { fingerprint } of signers) {
    const membership: Membership = {
      uri: source.uri,
      suite: source.suite,
      signer: fingerprint,
      archive: entry.sha256,
      links,
      filename: entry.filename,
      size: entry.size,
    };
    parts.store.recordMembership(entry, membership);
  }
  return candidate;
}

/** The chain from the archive's key to the package, in the order a person reads it. */
function linksOf(
  archive: VerifiedArchive,
  index: ArchiveIndex,
  entry: PackageEntry,
  stanza: string,
  evidence: EvidenceStore,
): readonly ChainLink[] {
  const { source, release, signers, notes } = archive;
  const [signer] = signers;
  const what = `${entry.name} ${entry.version} ${entry.arch}`;
  const stanzaRef = evidence.put(
    new TextEncoder().encode(stanza),
    "text/vnd.debian.control",
    `Packages entry of ${what}`,
  );
  return [
    {
      link: "signature",
      state: "verified",
      says: `${signer.name} signed the Release of ${source.uri} ${source.suite} on ${iso(release.date)}.`,
      facts: {
        key: signer.fingerprint,
        name: signer.name,
        ...Object.fromEntries(
          signers.slice(1).map((other, at) => [`also signed by ${at + 2}`, `${other.fingerprint} ${other.name}`]),
        ),
        date: iso(release.date),
        "valid until": release.validUntil === undefined ? "not stated" : iso(release.validUntil),
        release: archive.evidence[0]?.sha256 ?? "",
        "keys from": source.keyrings.map(({ path }) => path).join(", "),
        ...(notes.length === 0 ? {} : { note: notes.join("; ") }),
      },
      evidence: archive.evidence,
    },
    {
      link: "index",
      state: "verified",
      says: `The signed Release lists ${index.path}, and that lists ${what}.`,
      facts: { index: index.path, sha256: index.file.sha256, size: String(index.file.size) },
      evidence: [stanzaRef],
    },
    {
      link: "archive",
      state: "verified",
      says: `The package file has the SHA-256 and the size that the index lists.`,
      facts: { filename: entry.filename, sha256: entry.sha256, size: String(entry.size) },
    },
  ];
}

const iso = (at: number): string => new Date(at).toISOString();

function distinct(candidates: readonly Candidate[]): readonly Candidate[] {
  return [...new Map(candidates.toReversed().map((candidate) => [candidate.archive, candidate])).values()].toReversed();
}

function conclude(
  wanted: PackageVersion,
  found: readonly Candidate[],
  listed: readonly PackageEntry[],
  troubles: readonly Trouble[],
  archives: number,
): Located {
  const notes = [...new Set(troubles.map(({ says }) => says))];
  const [first, ...more] = found;
  if (first !== undefined) return { kind: "found", candidates: [first, ...more], notes };
  if (archives === 0)
    return {
      kind: "unsupported",
      says: "apt on the device is configured with no archive",
      wanted: "the archive this package came from, with its key",
    };
  // An archive that lists the package in another version answers for it; one that is silent could be the one not asked.
  if (listed.some((entry) => isFor(entry, wanted)))
    return { kind: "lapsed", says: lapsedSays(wanted, listed, notes), wanted: wantedIndex };
  for (const kind of ["unreachable", "stale", "failed"] as const) {
    const trouble = troubles.find((candidate) => candidate.kind === kind);
    if (trouble !== undefined)
      return {
        kind,
        says: notes.join("; "),
        wanted: trouble.wanted ?? `an archive that can be ${kind === "unreachable" ? "reached" : "verified"}`,
      };
  }
  return { kind: "lapsed", says: lapsedSays(wanted, listed, notes), wanted: wantedIndex };
}

const wantedIndex = "the archive's index as it was when this version was installed, still signed";
const isFor = (entry: PackageEntry, { arch }: PackageVersion): boolean => entry.arch === arch || entry.arch === "all";

function lapsedSays(wanted: PackageVersion, listed: readonly PackageEntry[], notes: readonly string[]): string {
  const versions = [...new Set(listed.filter((entry) => isFor(entry, wanted)).map(({ version }) => version))];
  const [newest] = versions.sort((a, b) => compareVersions(b, a));
  const now = newest === undefined ? "they list no version of it now" : `they list ${newest} now`;
  const missing = notes.length === 0 ? "" : ` Not asked: ${notes.join("; ")}.`;
  return `No signed index of the device's archives lists ${wanted.name} ${wanted.version} ${wanted.arch}; ${now}.${missing}`;
}
