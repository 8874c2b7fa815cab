import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { EvidenceRef } from "@provost/shared/model/verdict.ts";

export interface EvidenceDocument {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly title: string;
}

/** The evidence library: the exact bytes behind a chain's links, by digest. */
export interface EvidenceStore {
  put(bytes: Uint8Array, mediaType: string, title: string): EvidenceRef;
  get(sha256: Sha256): EvidenceDocument | undefined;
}
