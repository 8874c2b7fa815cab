import { parseStrictJson } from "../../../lib/strict-json.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import { headText } from "../../document-head.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { EnvelopeDocument, envelopeOf, type Envelope } from "../../intoto/envelope.ts";
import { signerOf } from "../../intoto/envelope-signer.ts";
import { statementIn } from "../../intoto/statement.ts";
import { unreadable } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import { saidByEnvelope } from "../../said.ts";
import { subjectIn } from "../../subject-match.ts";
import type { Trust } from "../../trust.ts";

/** A bare DSSE envelope (one, or one on each line), signed by keys the owner holds: verification summaries, cosign, in-toto. */
export const dsse: ProvenanceFormat<Trust> = {
  id: "dsse",
  recognises: ({ bytes }) => {
    const head = headText(bytes, 64 * 1024);
    return (
      head.includes('"payload"') &&
      head.trimStart().startsWith("{") &&
      !head.includes("dsseEnvelope") &&
      !head.includes('"mediaType"')
    );
  },
  read: (evidence, question) => reading(question, () => [claimIn(evidence, question)]),
  about: ({ bytes }) => [saidByEnvelope(readEnvelope(bytes))],
};

function claimIn(evidence: Evidence, question: Question<Trust>): Claim {
  const envelope = readEnvelope(evidence.bytes);
  const statement = statementIn(envelope);
  subjectIn(statement, question.subject);
  const key = signerOf(envelope, question.trust, question.now);
  const signer = { kind: "key", keyId: key.id, name: key.name, fingerprint: key.key.fingerprint } as const;
  return claimOf({ format: "dsse", signed: { signer, times: [], loggedIn: [] }, statement }, evidence, question);
}

export function readEnvelope(bytes: Uint8Array): Envelope {
  const json = parseStrictJson(bytes);
  if (!json.ok) throw unreadable(`the envelope is not read: ${json.why}`);
  const parsed = EnvelopeDocument.safeParse(json.value);
  if (!parsed.success) throw unreadable("the envelope is malformed");
  return envelopeOf(parsed.data);
}
