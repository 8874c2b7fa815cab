import * as z from "zod";
import { base64Bytes } from "../../../lib/strict-base64.ts";
import { parseStrictJson } from "../../../lib/strict-json.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import type { Envelope } from "../../intoto/envelope.ts";
import { statementIn } from "../../intoto/statement.ts";
import { signerOf } from "../../intoto/envelope-signer.ts";
import { asRefusal, unreadable, type Refusal } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import { saidByEnvelope } from "../../said.ts";
import { subjectIn } from "../../subject-match.ts";
import type { Trust } from "../../trust.ts";

/**
 * What `gcloud artifacts docker images describe --show-provenance --format json` prints. Only the signed envelopes count; the text
 * that Google lays beside each of them is not read.
 */
export const cloudBuild: ProvenanceFormat<Trust> = {
  id: "cloud-build",
  recognises: ({ bytes }) =>
    Buffer.from(bytes.subarray(0, 16 * 1024))
      .toString("latin1")
      .includes('"provenance_summary"'),
  read: (evidence, question) => reading(question, () => claimsIn(evidence, question)),
  about: (evidence) => envelopesIn(evidence).map(saidByEnvelope),
};

function claimsIn(evidence: Evidence, question: Question<Trust>): readonly [Claim, ...Claim[]] {
  const claims: Claim[] = [];
  const refusals: Refusal[] = [];
  for (const envelope of envelopesIn(evidence))
    try {
      claims.push(claimIn(envelope, evidence, question));
    } catch (cause) {
      refusals.push(asRefusal(cause));
    }
  const [first, ...rest] = claims;
  if (first !== undefined) return [first, ...rest];
  throw (
    refusals.find(({ basis }) => basis !== "foreign") ?? refusals[0] ?? unreadable("the image has no signed provenance")
  );
}

function claimIn(envelope: Envelope, evidence: Evidence, question: Question<Trust>): Claim {
  const statement = statementIn(envelope);
  subjectIn(statement, question.subject);
  const key = signerOf(envelope, question.trust, question.now);
  const signer = { kind: "key", keyId: key.id, name: key.name, fingerprint: key.key.fingerprint } as const;
  return claimOf({ format: "cloud-build", signed: { signer, times: [], loggedIn: [] }, statement }, evidence, question);
}

function envelopesIn({ bytes }: Evidence): readonly Envelope[] {
  const json = parseStrictJson(bytes);
  if (!json.ok) throw unreadable(`the image's description is not read: ${json.why}`);
  const parsed = Description.safeParse(json.value);
  if (!parsed.success) throw unreadable("the image's description is malformed");
  return parsed.data.provenance_summary.provenance.flatMap(({ envelope }) => (envelope ? [envelopeOf(envelope)] : []));
}

const text = z.string().max(8 * 1024 * 1024);
const EnvelopeDocument = z.object({
  payload: text,
  payloadType: z.string().min(1).max(200),
  signatures: z
    .array(z.object({ keyid: z.string().max(1000), sig: z.string().max(16384) }))
    .min(1)
    .max(16),
});
const Description = z.object({
  provenance_summary: z.object({ provenance: z.array(z.object({ envelope: EnvelopeDocument.nullish() })).max(64) }),
});

function envelopeOf({ payload, payloadType, signatures }: z.infer<typeof EnvelopeDocument>): Envelope {
  const [first, ...rest] = signatures.map(({ keyid, sig }) => ({ keyId: keyid, signature: decoded(sig) }));
  if (first === undefined) throw unreadable("the envelope has no signature");
  return { payload: decoded(payload), payloadType, signatures: [first, ...rest] };
}

/** Google writes RFC 4648's URL alphabet (section 5); read as strictly as the other one. */
function decoded(encoded: string): Buffer {
  const bytes = base64Bytes(encoded.replace(/-/g, "+").replace(/_/g, "/"));
  if (bytes === undefined || bytes.length === 0) throw unreadable("the envelope holds malformed base64");
  return bytes;
}
