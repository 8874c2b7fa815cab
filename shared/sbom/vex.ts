import type { Instant, Purl } from "../model/ids.ts";
import type { SbomDigest } from "./sbom.ts";

/** Whether a vulnerability touches a product, as its author says. */
export interface Vex {
  readonly format: "openvex" | "cyclonedx";
  readonly specVersion: string;
  readonly id?: string;
  readonly author?: string;
  readonly createdAt?: Instant;
  readonly statements: readonly VexStatement[];
  readonly problems: readonly string[];
}

export interface VexStatement {
  readonly vulnerability: string;
  readonly aliases: readonly string[];
  readonly products: readonly VexProduct[];
  readonly status: VexStatus;
  /** In the format's own word: "component_not_present", "code_not_reachable". */
  readonly justification?: string;
  /** What the author adds in a sentence: why it is not affected, or what to do. */
  readonly says?: string;
}

export const vexStatuses = ["not_affected", "affected", "fixed", "under_investigation"] as const;
export type VexStatus = (typeof vexStatuses)[number];

export interface VexProduct {
  /** As the document names it. */
  readonly id: string;
  readonly purl?: Purl;
  readonly digests: readonly SbomDigest[];
}
