import type { Instant, Purl, Sha256 } from "./ids.ts";

/** PROVENANCE: what the evidence says about a file. It never says what to do about it, and it never says "safe". */
export type Verdict =
  | ({ readonly standing: "proven"; readonly basis: ProvenBasis; readonly slsaLevel?: 1 | 2 | 3 } & Judgement)
  | ({ readonly standing: "signed"; readonly basis: SignedBasis } & Judgement)
  | ({ readonly standing: "unproven"; readonly basis: UnprovenBasis } & Judgement)
  | ({ readonly standing: "refuted"; readonly basis: RefutedBasis } & Judgement)
  | ({ readonly standing: "unchecked"; readonly basis: UncheckedBasis; readonly wanted: string } & Judgement);

interface Judgement {
  /** One sentence a person reads first. */
  readonly says: string;
  /** Source to file, in that order. A missing or failed link is named, never left out. */
  readonly chain: readonly ChainLink[];
}

export const provenBases = ["reproduced", "source"] as const;
export const signedBases = ["publisher"] as const;
export const unprovenBases = ["pinned", "recorded", "generated", "claimed", "none"] as const;
export const refutedBases = ["contradicted", "forged", "downgraded", "revoked", "malicious"] as const;
export const uncheckedBases = [
  "lapsed",
  "stale-trust",
  "no-time-proof",
  "unsupported",
  "unreachable",
  "deadline",
  "unreadable",
] as const;

export type ProvenBasis = (typeof provenBases)[number];
export type SignedBasis = (typeof signedBases)[number];
export type UnprovenBasis = (typeof unprovenBases)[number];
export type RefutedBasis = (typeof refutedBases)[number];
export type UncheckedBasis = (typeof uncheckedBases)[number];

export const standings = ["proven", "signed", "unproven", "refuted", "unchecked"] as const;
export type Standing = (typeof standings)[number];
export const bases = [...provenBases, ...signedBases, ...unprovenBases, ...refutedBases, ...uncheckedBases] as const;
export type Basis = (typeof bases)[number];

/** The steps of a chain, in the order a person reads them. */
export const linkKinds = [
  "source",
  "build",
  "signature",
  "log",
  "index",
  "archive",
  "package",
  "file",
  "device",
  "process",
] as const;
export type LinkKind = (typeof linkKinds)[number];

/**
 * One step from source to the running file. `verified`: cryptography or an equal digest carried it. `recorded`: an unsigned
 * record says so. `missing`: nothing carries this step, `says` tells who could. `failed`: evidence contradicts this step.
 */
export interface ChainLink {
  readonly link: LinkKind;
  readonly state: "verified" | "recorded" | "missing" | "failed";
  readonly says: string;
  /** Names and values a person may want to compare: key fingerprints, digests, times, repository, commit. */
  readonly facts?: Readonly<Record<string, string>>;
  /** The bytes behind this link, by digest, in the evidence library. */
  readonly evidence?: readonly EvidenceRef[];
}

export interface EvidenceRef {
  readonly sha256: Sha256;
  readonly mediaType: string;
  readonly title: string;
}

/** One verified statement from evidence: what a provenance format hands to `verify`. */
export interface Claim {
  /** The format's folder name: "sigstore-bundle", "slsa", "deb-release". */
  readonly format: string;
  readonly subject: { readonly sha256: Sha256 } | { readonly purl: Purl };
  readonly strength: "reproduced" | "source" | "publisher" | "pinned" | "recorded" | "claimed";
  readonly slsaLevel?: 1 | 2 | 3;
  readonly links: readonly ChainLink[];
  readonly signedAt?: Instant;
}

/** A verdict with what it was computed from, so that anyone may compute it again. */
export interface Judged {
  readonly verdict: Verdict;
  readonly trustVersion: string;
  readonly at: Instant;
}
