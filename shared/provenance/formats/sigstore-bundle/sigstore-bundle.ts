import { claimOf } from "../../claims.ts";
import { headText } from "../../document-head.ts";
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
  recognises: ({ bytes }) => {
    const head = headText(bytes, 256 * 1024);
    // The media type stands first or after the material, which is small; with sorted names a long envelope comes before it.
    return (
      (/"media(?:Type|_type)"/.test(head) && head.includes("application/vnd.dev.sigstore.bundle")) ||
      /^\s*\{\s*"(?:dsseEnvelope|messageSignature|verificationMaterial)"/.test(head)
    );
  },
  read: (evidence, question) => reading(question, () => claimsIn(evidence, question)),
  about: ({ bytes }) => documents(bytes).map((line) => saidByBundle(readBundle(line))),
};

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
  if (bytes.length > maxBytes) throw unreadable(`the document is larger than ${maxBytes} bytes`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const body = text.subarray(0, -1);
  if (!body.includes("}\n{") && !body.includes("}\r\n{")) return [bytes];
  const lines: Buffer[] = [];
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf(0x0a, at);
    const end = newline < 0 ? text.length : newline;
    const line = text.subarray(at, end);
    if (line.toString("latin1").trim() !== "") lines.push(line);
    if (lines.length > maxDocuments) throw unreadable(`the document has more than ${maxDocuments} lines`);
    at = end + 1;
  }
  return lines;
}

/** As many bundles as `gh attestation download` writes for one file, by far; each line has the bounds of one document besides. */
export const maxDocuments = 256;
export const maxBytes = 64 * 1024 * 1024;
