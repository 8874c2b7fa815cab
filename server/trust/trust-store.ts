import type { Instant } from "@provost/shared/model/ids.ts";

export interface TrustRecord {
  readonly version: string;
  readonly at: Instant;
  /** Who published it: a person, a token, "provost" for what the product brings. */
  readonly by: string;
  readonly why: string;
}

/** Every trust document that verdicts were ever computed under, as its exact text: old verdicts can be replayed. */
export interface TrustStore {
  current(): (TrustRecord & { readonly document: string }) | undefined;
  document(version: string): string | undefined;
  versions(limit: number): readonly TrustRecord[];
  /** The newest from now on. A version that was published before becomes the newest again. */
  publish(record: TrustRecord, document: string): void;
}
