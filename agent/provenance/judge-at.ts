import { archiveSubject, asSubject } from "@provost/shared/provenance/archive-subject.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { FileFacts, JudgedRecord } from "@provost/shared/model/inventory.ts";
import type { Verdict } from "@provost/shared/model/verdict.ts";
import { judge, type Proofs } from "@provost/shared/provenance/judge.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import type { Trust } from "@provost/shared/provenance/trust.ts";
import { verify } from "@provost/shared/provenance/verify.ts";
import type { State } from "../state/state.ts";
import { documentsHeld } from "./attested.ts";
import { proofsIn } from "./proofs.ts";

/**
 * The verdict on an installed file under another trust or as of another time: every document that the server sent about the file, or
 * about an archive it stands in, is verified again. What archives' indices proved is taken as it is held.
 */
export async function judgeAt(state: State, facts: FileFacts, trust: Trust, now: Instant): Promise<Verdict> {
  const proofs = proofsIn(state)(facts.root);
  const attested = new Map<Sha256, Verdict>();
  for (const [key, subject] of subjectsOf(facts, proofs)) {
    const documents = documentsHeld(state, key).map(({ sha256, name, bytes }) => ({ sha256, bytes, name: name ?? "" }));
    if (documents.length === 0) continue;
    const { verdict } = await verify(subject, documents, {}, trust, now);
    // Documents that turn out to be about something else leave nothing to say.
    if (verdict.standing !== "unproven" || verdict.basis !== "none") attested.set(key, verdict);
  }
  return judge(facts, { ...proofs, attestedOf: (subject) => attested.get(subject) });
}

/** The file by its digest, and each archive by the name under which the judge asks for it. */
function subjectsOf({ digest, records }: FileFacts, proofs: Proofs): readonly (readonly [Sha256, Subject])[] {
  const own = digest === undefined ? [] : [[digest, { sha256: digest }] as const];
  return [...own, ...records.flatMap((record) => archiveOf(record, proofs))];
}

function archiveOf(record: JudgedRecord, proofs: Proofs): readonly (readonly [Sha256, Subject])[] {
  const told = archiveSubject(record);
  if (told === undefined) {
    const listed = proofs.proofOf(record.purl)?.archive;
    return listed === undefined ? [] : [[listed, { sha256: listed }]];
  }
  return [[told.key, asSubject(told)]];
}
