import type { Instant, Sha256 } from "../model/ids.ts";
import type { Claim } from "../model/verdict.ts";
import type { Criteria } from "./criteria.ts";
import type { Said } from "./said.ts";
import type { Subject } from "./subject.ts";

/** A document that claims something: its exact bytes and their digest. Nothing about it is believed yet. */
export interface Evidence {
  readonly bytes: Uint8Array;
  readonly sha256: Sha256;
  /** The name it was found under; a hint for formats without a mark of their own. Never a reason to believe it. */
  readonly name?: string;
}

/**
 * What one format could establish. `claims`: each checked against `trust` at `now`. `refuted`: the document is about this
 * subject and contradicts it or is forged. `unchecked`: it may be true; what is wanted to know. `foreign`: not about this subject.
 */
export type Reading =
  | { readonly kind: "claims"; readonly claims: readonly [Claim, ...Claim[]] }
  | {
      readonly kind: "refuted";
      readonly basis: "contradicted" | "forged" | "revoked" | "downgraded";
      readonly why: string;
    }
  | {
      readonly kind: "unchecked";
      readonly basis: "stale-trust" | "no-time-proof" | "unsupported" | "unreachable" | "unreadable";
      readonly why: string;
      readonly wanted: string;
    }
  | { readonly kind: "foreign"; readonly why: string };

/** One question about one file: everything an answer may depend on, so that it can be computed again. */
export interface Question<Trust> {
  readonly subject: Subject;
  readonly criteria: Criteria;
  readonly trust: Trust;
  readonly now: Instant;
}

/** One folder per format below formats/, one line in formats/index.ts. Pure: time and trust are arguments. */
export interface ProvenanceFormat<Trust> {
  readonly id: string;
  recognises(evidence: Evidence): boolean;
  read(evidence: Evidence, question: Question<Trust>): Promise<Reading>;
  /** What the document says it is about, so that it can be filed and found; nothing is verified. Throws a Refusal. */
  about?(evidence: Evidence): readonly Said[];
}
