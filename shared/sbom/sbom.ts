import type { Instant, Purl } from "../model/ids.ts";

/** What a bill of materials says, whatever format it came in. It is its author's word: nothing of it is proof. */
export interface Sbom {
  readonly format: "cyclonedx" | "spdx";
  /** "1.6", "2.3", "3.0.1" */
  readonly specVersion: string;
  /** The document's own name: a serial number, a namespace. */
  readonly id?: string;
  /** What it describes. */
  readonly subjects: readonly SbomComponent[];
  /** Everything else it names, in the document's order. */
  readonly components: readonly SbomComponent[];
  readonly edges: readonly SbomEdge[];
  readonly tools: readonly string[];
  readonly createdAt?: Instant;
  /** What is odd without making it unreadable: a reference that leads nowhere, a circle, a purl that is none. */
  readonly problems: readonly string[];
}

export interface SbomComponent {
  /** Unique in its document. */
  readonly ref: string;
  /** In the format's own word: "library", "APPLICATION", "software_File". */
  readonly kind: string;
  readonly name: string;
  readonly version?: string;
  readonly purl?: Purl;
  readonly digests: readonly SbomDigest[];
  /** SPDX expressions, ids or plain names, as written. */
  readonly licences: readonly string[];
  readonly supplier?: string;
}

/** `algorithm` in one spelling for all formats ("sha256"), `hex` in lower case and of its length. */
export interface SbomDigest {
  readonly algorithm: string;
  readonly hex: string;
}

export interface SbomEdge {
  readonly from: string;
  readonly to: string;
  readonly relation: "depends-on" | "contains";
}
