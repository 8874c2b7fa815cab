import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { AptSource } from "@provost/shared/model/inventory.ts";
import type { ChainLink, EvidenceRef } from "@provost/shared/model/verdict.ts";
import type { PackageProof } from "@provost/shared/provenance/package-proof.ts";

export interface PackageVersion {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
}

/** A larger `priority` comes first: what is running now before what could run. */
export interface WantedPackage extends PackageVersion {
  readonly priority: number;
}

/** One package version for one set of sources and keys, and how far it has come. */
export interface PackageState extends WantedPackage {
  readonly id: number;
  readonly config: Sha256;
  readonly state: PackageProof["state"] | "pending";
  readonly says: string;
  readonly wanted: string;
  readonly attempts: number;
  readonly builds: readonly { readonly archive: Sha256; readonly links: readonly ChainLink[] }[];
}

export interface Settled {
  readonly state: PackageState["state"];
  readonly says: string;
  readonly wanted: string;
  readonly builds: PackageState["builds"];
  readonly attempts: number;
  /** When to try again; absent once it is final. */
  readonly dueAt?: Instant;
}

/** The `proofs` of the API's device detail; `failed` holds what is unreachable and stale as well. */
export interface ProofCounts {
  readonly wanted: number;
  readonly derived: number;
  readonly lapsed: number;
  readonly unsupported: number;
  readonly failed: number;
  readonly pending: number;
}

/** The `archives` of the API's device detail. */
export interface ArchiveRecord {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  readonly state: "pending" | "verified" | "refused" | "unreachable" | "stale";
  readonly says: string;
  readonly reason?: string;
  readonly signedBy: readonly { readonly fingerprint: string; readonly name: string }[];
  readonly releaseDate?: Instant;
  readonly validUntil?: Instant;
}

/** A signed index of this archive, signed with this key, lists this .deb. Kept after the archive forgets the version. */
export interface Membership {
  readonly uri: string;
  readonly suite: string;
  readonly signer: string;
  readonly archive: Sha256;
  readonly links: readonly ChainLink[];
  readonly filename: string;
  readonly size: number;
}

/** What one .deb holds, by its SHA-256: the same for every device. */
export type DerivedManifest =
  | { readonly state: "derived"; readonly says: string; readonly evidence: EvidenceRef }
  | { readonly state: "unsupported" | "failed"; readonly says: string };

/** Where derivation keeps what must survive a stop. Every call is one transaction. */
export interface ManifestStore {
  configure(config: Sha256, sources: readonly AptSource[]): void;
  sources(config: Sha256): readonly AptSource[];
  /** New ones are due at once; known ones only take the new priority. */
  want(config: Sha256, packages: readonly WantedPackage[], now: Instant): void;
  due(now: Instant, limit: number): readonly PackageState[];
  nextDueAt(): Instant | undefined;
  pendingNames(config: Sha256): readonly string[];
  settle(id: number, settled: Settled, now: Instant): void;
  state(config: Sha256, wanted: PackageVersion): PackageState | undefined;
  counts(config: Sha256): ProofCounts;

  archive(trustKey: Sha256): { readonly record: ArchiveRecord; readonly newestSeen: Instant | undefined } | undefined;
  recordArchive(trustKey: Sha256, record: ArchiveRecord, now: Instant): void;
  refusals(trustKey: Sha256): readonly { readonly at: Instant; readonly reason: string; readonly says: string }[];

  /** The stanzas of one package in one index, undefined when that index was not searched for it yet. */
  lookedUp(index: Sha256, name: string): readonly string[] | undefined;
  recordLookups(index: Sha256, found: ReadonlyMap<string, readonly string[]>, now: Instant): void;
  memberships(wanted: PackageVersion): readonly Membership[];
  recordMembership(wanted: PackageVersion, membership: Membership): void;

  manifest(archive: Sha256): DerivedManifest | undefined;
  recordManifest(archive: Sha256, manifest: DerivedManifest, now: Instant): void;
}
