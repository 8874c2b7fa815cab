import { claimOf } from "../../claims.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { type Refusal, asRefusal, unreadable } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import { saidByBundle } from "../../said.ts";
import { readBundle } from "../../sigstore/bundle.ts";
import { checkBundle } from "../../sigstore/check-bundle.ts";
import type { Trust } from "../../trust.ts";
import type { Claim } from "../../../model/verdict.ts";

/** Sigstore bundles, one JSON document or one on each line (as `gh attestation download` writes them). */
export const sigstoreBundle: ProvenanceFormat<Trust> = {
  id: "sigstore-bundle",
  recognises: ({ bytes }) =>
    head(bytes).includes('"mediaType"') && head(bytes).includes("application/vnd.dev.sigstore.bundle"),
  read: (evidence, question) => reading(question, () => claimsIn(evidence, question)),
  about: ({ bytes }) => documents(bytes).map((line) => saidByBundle(readBundle(line))),
};

/** The media type stands first or after the material; a bundle's material is small. */
const head = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 256 * 1024)).toString("latin1");

async function claimsIn(evidence: Evidence, question: Question<Trust>): Promise<readonly [Claim, ...Claim[]]> {
  const held: Claim[] = [];
  const refusals: Refusal[] = [];
  for (const line of documents(evidence.bytes))
    try {
      const attested = await checkBundle(readBundle(line), question);
      held.push(claimOf({ format: "sigstore-bundle", ...attested }, evidence, question));
    } catch (cause) {
      refusals.push(asRefusal(cause));
    }
  const [first, ...rest] = held;
  if (first !== undefined) return [first, ...rest];
  throw refusals.find(({ basis }) => basis !== "foreign") ?? refusals[0] ?? unreadable("the document is empty");
}

function documents(bytes: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!text.subarray(0, -1).includes("}\n{")) return [bytes];
  const lines = text
    .toString("utf8")
    .split("\n")
    .filter((line) => line.trim() !== "");
  if (lines.length > maxDocuments) throw unreadable(`the document has more than ${maxDocuments} lines`);
  return lines.map((line) => Buffer.from(line));
}

export const maxDocuments = 256;
