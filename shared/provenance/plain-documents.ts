import { cycloneDxKind, openVexKind, spdxKind } from "../sbom/library-kinds.ts";
import type { Evidence } from "./format.ts";
import type { Said } from "./said.ts";

/** A document that nobody signed and that is kept for what it tells of a subject: a bill of materials, a statement of exploitability. */
export interface PlainDocument {
  readonly id: string;
  recognises(evidence: Evidence): boolean;
  /** Throws a Refusal. */
  about(evidence: Evidence): readonly Said[];
}

/** Each kind that the library keeps beside signed evidence, one line each. */
export const plainDocuments: readonly PlainDocument[] = [cycloneDxKind, spdxKind, openVexKind];
