import type { Instant, Sha256 } from "../model/ids.ts";
import type { Claim } from "../model/verdict.ts";

/** A document that claims something: its exact bytes and their digest. Nothing about it is believed yet. */
export interface Evidence {
  readonly bytes: Uint8Array;
  readonly sha256: Sha256;
}

/**
 * What one format could establish. `claims`: each checked against `trust` at `now`. `refuted`: the document is about this
 * subject and contradicts it or is forged. `unchecked`: it may be true; what is wanted to know. `foreign`: not about this subject.
 */
export type Reading =
  | { readonly kind: "claims"; readonly claims: readonly [Claim, ...Claim[]] }
  | { readonly kind: "refuted"; readonly basis: "contradicted" | "forged" | "revoked"; readonly why: string }
  | {
      readonly kind: "unchecked";
      readonly basis: "stale-trust" | "no-time-proof" | "unsupported" | "unreachable";
      readonly why: string;
      readonly wanted: string;
    }
  | { readonly kind: "foreign"; readonly why: string };

/** One folder per format below formats/, one line in formats/index.ts. Pure: time and trust are arguments. */
export interface ProvenanceFormat<Trust> {
  readonly id: string;
  recognises(evidence: Evidence): boolean;
  read(evidence: Evidence, subject: Sha256, trust: Trust, now: Instant): Reading;
}
