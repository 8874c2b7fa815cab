import { jsonLimits } from "@provost/shared/lib/strict-json.ts";

/** What one upload, one import and one answer may amount to. docs/operate/evidence-library.md states the first three. */
export const libraryLimits = {
  /** The verifier reads no larger document, so none is kept. */
  documentBytes: jsonLimits.bytes,
  nameLength: 500,
  uploadBytes: 4 * 2 ** 30,
  uploadDocuments: 2_000_000,
  /** Stored together: a commit for each document would cost a write to the disk each. */
  batchDocuments: 64,
  batchBytes: 8 * 2 ** 20,
  /** Outcomes that one answer spells out; the rest is counted. */
  outcomesTold: 1000,
  subjectsCompared: 64,
  /** Without a byte for so long, an upload is given up. */
  stallMs: 30_000,
  /** However it trickles, no upload takes longer. */
  uploadMs: 60 * 60_000,
  uploadsAtOnce: 8,
  /** Of these for one token or person: who is slow keeps nobody else waiting. */
  uploadsPerCaller: 4,
  /** A whole library of another site, in one piece. */
  importBytes: 256 * 2 ** 30,
  importDocuments: 20_000_000,
  importMs: 24 * 60 * 60_000,
} as const;
