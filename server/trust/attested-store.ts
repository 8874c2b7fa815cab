import type { DeviceId, Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Basis, Judged, Standing } from "@provost/shared/model/verdict.ts";
import type { ArchiveSubject } from "@provost/shared/provenance/archive-subject.ts";
import type { SubjectDigest } from "@provost/shared/provenance/said.ts";

/** What documents establish about one subject, and which they were. */
export interface Assessment {
  readonly judged: Judged;
  readonly documents: readonly Sha256[];
}

/** One verdict that became another, and under which trust document. */
export interface AssessmentChange {
  readonly number: number;
  readonly subject: Sha256;
  readonly trustVersion: string;
  readonly at: Instant;
  /** Absent where nothing was known before, or is known now. */
  readonly from?: { readonly standing: Standing; readonly basis: Basis };
  readonly to?: { readonly standing: Standing; readonly basis: Basis };
  readonly says: string;
}

/** A file of the fleet whose verdict rests on a subject. */
export interface RestingFile {
  readonly n: number;
  readonly device: DeviceId;
  readonly facts: FileFacts;
}

/**
 * Subjects (files and archives that devices have) and what documents establish about them. The queue is kept here, so that a
 * server that is killed goes on where it was. Calls inside `Inventory.transaction` are durable with it.
 */
export interface AttestedStore {
  assessment(subject: Sha256): Assessment | undefined;
  /** Undefined: no document is about it any more. */
  putAssessment(subject: Sha256, assessment: Assessment | undefined): void;
  /** Every assessed subject waits again: the trust document changed. */
  enqueueAssessed(): void;
  enqueue(subject: Sha256): void;
  /** The subjects that have waited longest. */
  next(limit: number): readonly Sha256[];
  done(subject: Sha256): void;
  waiting(): number;
  /** The subjects of the fleet that a document about this digest concerns. */
  present(digest: SubjectDigest): readonly Sha256[];
  /** What a device told of the archive; undefined for a file, or an archive that a signed index lists. */
  archive(subject: Sha256): ArchiveSubject | undefined;
  /** A signed index lists this archive for that package of the device. */
  noteProofArchive(archive: Sha256, device: DeviceId, root: string, purl: string): void;
  /** Files that are the subject, or stand in the archive that is. In the order of their numbers, after `after`. */
  resting(subject: Sha256, after: number, limit: number): readonly RestingFile[];
  packagesIn(archive: Sha256): readonly { readonly device: DeviceId; readonly root: string; readonly purl: string }[];
  /** Returns whether the row changed. */
  putVerdict(
    n: number,
    verdict: { readonly standing: Standing; readonly basis: Basis; readonly says: string },
    trustVersion: string,
    now: number,
  ): boolean;
  /** The device has yet to hold what is known of the subject; it gets a new version there. */
  touch(device: DeviceId, subject: Sha256): void;
  held(device: DeviceId, subject: Sha256, version: number): void;
  unheld(device: DeviceId, limit: number): readonly { readonly subject: Sha256; readonly version: number }[];
  recordChange(change: Omit<AssessmentChange, "number">): void;
  /** The newest first. */
  changes(trustVersion: string, before: number, limit: number): readonly AssessmentChange[];
}
