import { setImmediate } from "node:timers/promises";
import type { DeviceId, Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Judged, Verdict } from "@provost/shared/model/verdict.ts";
import { archiveSubject, asSubject } from "@provost/shared/provenance/archive-subject.ts";
import type { Evidence } from "@provost/shared/provenance/format.ts";
import { plainKinds } from "@provost/shared/provenance/plain-documents.ts";
import type { SubjectDigest } from "@provost/shared/provenance/said.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import type { Trust } from "@provost/shared/provenance/trust.ts";
import { maxEvidence, verify } from "@provost/shared/provenance/verify.ts";
import type { AttestedMessage } from "@provost/shared/protocol/frames.ts";
import type { Inventory, JudgeFile } from "../store/store.ts";
import type { Assessment, AttestedStore } from "./attested-store.ts";
import type { LibraryStore } from "./library/library-store.ts";

/**
 * Where the library's documents meet the fleet's files: what is known of each subject under the present trust document, and what
 * changes when a document comes or trust changes. Only what a device has is assessed; the queue is in the store.
 */
export interface Assessor {
  /** Documents about these digests came. */
  noteDocuments(subjects: readonly SubjectDigest[]): void;
  /** A device told of files: those that documents are about wait for their turn, those already assessed go to the device. */
  noteFiles(device: DeviceId, files: readonly FileFacts[]): void;
  /** A signed index lists this archive for a package of the device. */
  noteArchive(archive: Sha256, device: DeviceId, root: string, purl: string): void;
  /** Another trust document counts from now on: everything that was assessed waits again. */
  noteTrust(): void;
  attestedOf(subject: Sha256): Attested | undefined;
  /** Assesses some subjects and judges the files that rest on them. Returns whose verdicts changed. */
  step(signal: AbortSignal): Promise<{ readonly more: boolean; readonly changed: ReadonlyMap<DeviceId, number> }>;
  message(subject: Sha256, version: number): AttestedMessage;
}

export interface Attested {
  readonly verdict: Verdict;
  readonly trustVersion: string;
}

export interface AssessorParts {
  readonly store: AttestedStore;
  readonly inventory: Inventory;
  readonly library: LibraryStore;
  readonly trust: () => Trust;
  readonly now: () => Instant;
  /** The desk's judge, which asks `attestedOf` in turn. */
  readonly judgeFor: (device: DeviceId) => JudgeFile;
}

/** Subjects verified in one step: a bundle takes a millisecond or two. */
const subjectsPerStep = 16;
/** Files judged again in one transaction: about 20 ms. */
const filesPerStep = 500;
/** Assessments remembered, those of subjects without one among them. */
const heldAssessments = 50_000;

export function openAssessor({ store, inventory, library, trust, now, judgeFor }: AssessorParts): Assessor {
  const held = new Map<Sha256, Attested | undefined>();
  const remember = (subject: Sha256, attested: Attested | undefined): Attested | undefined => {
    if (held.size >= heldAssessments) held.clear();
    held.set(subject, attested);
    return attested;
  };

  const attestedOf = (subject: Sha256): Attested | undefined =>
    held.has(subject) ? held.get(subject) : remember(subject, attestedIn(store.assessment(subject)));

  const assess = async (subject: Sha256): Promise<Assessment | undefined> => {
    const asked = subjectOf(subject, store);
    const documents = documentsAbout(asked, library);
    if (documents.length === 0) return undefined;
    const judged = await verify(asked, documents, {}, trust(), now());
    return { judged, documents: documents.map(({ sha256 }) => sha256) };
  };

  const settle = async (subject: Sha256, found: Assessment | undefined): Promise<Map<DeviceId, number>> => {
    const before = store.assessment(subject);
    const isSame = before !== undefined && found !== undefined && sameWord(before.judged, found.judged);
    inventory.transaction(() => {
      store.putAssessment(subject, found);
      if (before === undefined && found === undefined) return;
      if (!isSame) store.recordChange(changeOf(subject, before, found, trust().version, now()));
    });
    remember(subject, attestedIn(found));
    return judgeResting(subject);
  };

  /** In transactions of some files each; agents and people are answered in between. */
  const judgeResting = async (subject: Sha256): Promise<Map<DeviceId, number>> => {
    const changed = new Map<DeviceId, number>();
    const devices = new Set<DeviceId>();
    const count = (device: DeviceId, by: number): void =>
      void (by > 0 && changed.set(device, (changed.get(device) ?? 0) + by));
    for (let after = 0; ;) {
      const files = store.resting(subject, after, filesPerStep);
      inventory.transaction(() => {
        for (const { n, device, facts } of files) {
          const { verdict, trustVersion } = judgeFor(device)(facts);
          count(device, Number(store.putVerdict(n, verdict, trustVersion, now())));
          devices.add(device);
        }
      });
      const last = files.at(-1);
      if (files.length < filesPerStep || last === undefined) break;
      after = last.n;
      await setImmediate();
    }
    inventory.transaction(() => {
      for (const { device, root, purl } of store.packagesIn(subject)) {
        count(device, inventory.judgeAgain(device, root, purl, judgeFor(device), now()));
        devices.add(device);
      }
      for (const device of devices) store.touch(device, subject);
      store.done(subject);
    });
    for (const device of devices) count(device, changed.has(device) ? 0 : 1);
    return changed;
  };

  return {
    noteDocuments: (subjects) =>
      inventory.transaction(() => {
        for (const digest of subjects) for (const subject of store.present(digest)) store.enqueue(subject);
      }),
    noteFiles(device, files) {
      for (const facts of files)
        for (const subject of subjectsOf(facts)) {
          if (attestedOf(subject) !== undefined) store.touch(device, subject);
          else if (isDocumented(subject, store, library)) store.enqueue(subject);
        }
    },
    noteArchive(archive, device, root, purl) {
      store.noteProofArchive(archive, device, root, purl);
      if (attestedOf(archive) !== undefined) store.touch(device, archive);
      else if (isDocumented(archive, store, library)) store.enqueue(archive);
    },
    noteTrust: () => inventory.transaction(() => store.enqueueAssessed()),
    attestedOf,
    async step(signal) {
      const changed = new Map<DeviceId, number>();
      for (const subject of store.next(subjectsPerStep)) {
        if (signal.aborted) break;
        const found = await assess(subject);
        if (signal.aborted) break;
        for (const [device, by] of await settle(subject, found)) changed.set(device, (changed.get(device) ?? 0) + by);
      }
      return { more: store.waiting() > 0, changed };
    },
    message(subject, version) {
      const assessment = store.assessment(subject);
      return {
        kind: "attested",
        version,
        subject,
        ...(assessment === undefined || saysNothing(assessment) ? {} : { judged: toldOf(assessment.judged) }),
        documents: assessment === undefined ? [] : documentsFor(assessment, library),
      };
    },
  };
}

function subjectsOf({ digest, records }: FileFacts): readonly Sha256[] {
  const archives = records.flatMap((record) => archiveSubject(record)?.key ?? []);
  return digest === undefined ? archives : [digest, ...archives];
}

/** A file is what its digest says; an archive is also what the device told of it, which the statement has to agree with. */
function subjectOf(subject: Sha256, store: AttestedStore): Subject {
  const archive = store.archive(subject);
  if (archive === undefined) return { sha256: subject };
  return asSubject(archive);
}

function digestsOf({ sha256, sha512 }: Subject): readonly SubjectDigest[] {
  const own: SubjectDigest = { algorithm: "sha256", hex: sha256 };
  return sha512 === undefined ? [own] : [own, { algorithm: "sha512", hex: sha512 }];
}

const isDocumented = (subject: Sha256, store: AttestedStore, library: LibraryStore): boolean =>
  evidenceIds(subjectOf(subject, store), library).length > 0;

function documentsAbout(subject: Subject, library: LibraryStore): readonly Evidence[] {
  return evidenceIds(subject, library).flatMap((sha256): readonly Evidence[] => {
    const document = library.document(sha256);
    if (document === undefined) return [];
    return [{ sha256, bytes: document.bytes, ...(document.name === undefined ? {} : { name: document.name }) }];
  });
}

/** What may be evidence about the subject, the earliest first; bills of materials and the like, which prove nothing, take no place. */
function evidenceIds(subject: Subject, library: LibraryStore): readonly Sha256[] {
  const rows = digestsOf(subject).flatMap((digest) => library.listSubject(digest, { limit: documentsLooked }).rows);
  const ids = rows.filter(({ kind }) => !plainKinds.has(kind)).map(({ sha256 }) => sha256);
  return [...new Set(ids)].slice(0, maxEvidence + 1);
}

const documentsLooked = 4 * maxEvidence;

/** Documents that say nothing of the subject under this trust are kept as that: another trust may hear them. */
const saysNothing = ({ judged: { verdict } }: Assessment): boolean =>
  verdict.standing === "unproven" && verdict.basis === "none";

const attestedIn = (assessment: Assessment | undefined): Attested | undefined =>
  assessment === undefined || saysNothing(assessment)
    ? undefined
    : { verdict: assessment.judged.verdict, trustVersion: assessment.judged.trustVersion };

const sameWord = (a: Judged, b: Judged): boolean =>
  a.verdict.standing === b.verdict.standing && a.verdict.basis === b.verdict.basis && a.verdict.says === b.verdict.says;

function changeOf(
  subject: Sha256,
  before: Assessment | undefined,
  found: Assessment | undefined,
  trustVersion: string,
  at: Instant,
): Parameters<AttestedStore["recordChange"]>[0] {
  const short = (one: Assessment) => ({ standing: one.judged.verdict.standing, basis: one.judged.verdict.basis });
  return {
    subject,
    trustVersion,
    at,
    ...(before === undefined ? {} : { from: short(before) }),
    ...(found === undefined ? {} : { to: short(found) }),
    says: found?.judged.verdict.says ?? "No document is about it any more.",
  };
}

/** The protocol's bounds; the server's own verdict keeps all of it. */
function toldOf({ verdict, trustVersion, at }: Judged): NonNullable<AttestedMessage["judged"]> {
  return {
    standing: verdict.standing,
    basis: verdict.basis,
    ...(verdict.standing === "proven" && verdict.slsaLevel !== undefined ? { slsaLevel: verdict.slsaLevel } : {}),
    says: verdict.says.slice(0, 2000),
    ...(verdict.standing === "unchecked" ? { wanted: verdict.wanted.slice(0, 2000) } : {}),
    chain: verdict.chain.slice(0, 64).map(({ says, facts, evidence, ...rest }) => ({
      ...rest,
      says: says.slice(0, 2000),
      ...(facts === undefined ? {} : { facts: { ...facts } }),
      ...(evidence === undefined
        ? {}
        : { evidence: evidence.map((one) => ({ ...one, title: one.title.slice(0, 400) })) }),
    })),
    trustVersion: trustVersion.slice(0, 200),
    at,
  };
}

/** Documents travel with the verdict as far as one message holds them; the rest stays at the server. */
const sentDocuments = 16;
const sentBytes = 1_000_000;

function documentsFor({ documents }: Assessment, library: LibraryStore): AttestedMessage["documents"] {
  let left = sentBytes;
  return documents.slice(0, sentDocuments).flatMap((sha256) => {
    const document = library.document(sha256);
    if (document === undefined || document.bytes.length > left) return [];
    left -= document.bytes.length;
    const name = document.name?.slice(0, 400);
    return [
      { sha256, ...(name === undefined ? {} : { name }), base64: Buffer.from(document.bytes).toString("base64") },
    ];
  });
}
