import { hash } from "node:crypto";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { asRefusal, Refusal, unreadable } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import { anchorsFor, type Trust } from "../../trust.ts";
import { cmsOids, readSignedData } from "../../x509/cms.ts";
import { certificatesOf, codeSignerOf, type CodeSigner } from "../../x509/code-signer.ts";
import { readDer } from "../../x509/der.ts";
import { requireCovered } from "./coverage.ts";
import { jarEntries, type JarEntries } from "./entries.ts";
import { pairsIn, signatureFilesIn, type SignaturePair } from "./signature-files.ts";

/**
 * Signed jars (JAR specification, "Signed JAR File"): the jar is evidence about itself. It is signed only where one signer covers every
 * file in it; Java asks for less, and takes a jar whose other half nobody signed.
 */
export const jar: ProvenanceFormat<Trust> = {
  id: "jar",
  recognises: ({ bytes }) => isZip(bytes) && /META-INF\/[^/\0]{1,200}\.(?:RSA|DSA|EC)/i.test(tailOf(bytes)),
  read: (evidence, question) => reading(question, () => claimsIn(evidence, question)),
  about: ({ sha256: hex }) => [{ digests: [{ algorithm: "sha256", hex }] }],
};

const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;

/** The directory stands at the end, or the signature files near the beginning: Java's tools write them first. */
function tailOf(bytes: Uint8Array): string {
  const text = (part: Uint8Array): string =>
    Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("latin1");
  return bytes.length <= 2 * window
    ? text(bytes)
    : `${text(bytes.subarray(0, window))}\0${text(bytes.subarray(bytes.length - window))}`;
}

const window = 8 * 1024 * 1024;

async function claimsIn(evidence: Evidence, question: Question<Trust>): Promise<readonly [Claim, ...Claim[]]> {
  if (evidence.bytes.length > maxJarBytes) throw unreadable(`a jar is larger than ${maxJarBytes} bytes`);
  // A jar signs what lies in it. Of another file it says nothing.
  if (hash("sha256", evidence.bytes, "hex") !== question.subject.sha256)
    throw new Refusal("foreign", "the signature lies in another file, and is about that one");
  // Unpacking is what costs: it waits until somebody whom the owner knows turns out to have signed.
  eachOf(pairsIn(await signatureFilesIn(evidence.bytes)), (pair) => signerOf(pair, question));
  const entries = await jarEntries(evidence.bytes);
  return eachOf(pairsIn(entries.signatureFiles), (pair) => claimBy(pair, entries, evidence, question));
}

/** What the signers who hold give. Among several those the owner does not know say nothing of the others. */
function eachOf<T>(pairs: readonly SignaturePair[], ask: (pair: SignaturePair) => T): readonly [T, ...T[]] {
  const held: T[] = [];
  const refusals: Refusal[] = [];
  for (const pair of pairs)
    try {
      held.push(ask(pair));
    } catch (cause) {
      refusals.push(asRefusal(cause));
    }
  const [first, ...rest] = held;
  if (first !== undefined) return [first, ...rest];
  throw (
    refusals.find(({ basis }) => basis !== "stale-trust") ?? refusals[0] ?? unreadable("the jar has no signature file")
  );
}

export const maxJarBytes = 512 * 1024 * 1024;

function signerOf({ name, signatureFile, block }: SignaturePair, question: Question<Trust>): CodeSigner {
  const what = `the signature of ${name}`;
  const data = readSignedData(readDer(Buffer.from(block)), what);
  if (data.contentType !== cmsOids.data || (data.content !== undefined && !data.content.equals(signatureFile)))
    throw unreadable(`${what} is made over something else`);
  const [by, another] = data.signers;
  if (another !== undefined) throw unreadable(`${what} has several signers`);
  return codeSignerOf(
    by,
    { bytes: signatureFile, type: cmsOids.data },
    certificatesOf(data.signers, data.certificates, what),
    { signers: anchorsFor(question.trust, "jar"), timestamps: anchorsFor(question.trust, "timestamp") },
    question.now,
    what,
  );
}

function claimBy(pair: SignaturePair, entries: JarEntries, evidence: Evidence, question: Question<Trust>): Claim {
  const { signer, pinned, times } = signerOf(pair, question);
  requireCovered(pair.signatureFile, entries, pair.name);
  const attested = {
    format: "jar",
    mediaType: "application/java-archive",
    signed: { signer, times, loggedIn: [] },
    publisher: pinned,
    facts: { "signature file": pair.name, files: String(entries.files.size) },
  };
  return claimOf(attested, evidence, question);
}
