import { hash } from "node:crypto";
import { base64Bytes } from "../../../lib/strict-base64.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { forged, Refusal, unreadable, unsupported } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import { codeSigning } from "../../sigstore/signer.ts";
import { anchorsFor, type Trust } from "../../trust.ts";
import { extendedUsages, type Certificate } from "../../x509/certificate.ts";
import { cmsOids, namesCertificate, onlyValue, readSignedData, readSigner, type CmsSigner } from "../../x509/cms.ts";
import { certificatesOf, codeSignerOf, type CodeTrust, type SignedBytes } from "../../x509/code-signer.ts";
import { readDer } from "../../x509/der.ts";
import { readSignedPackage, signatureName, type SignedPackage } from "./package-content.ts";
import { roleOf, signedHash, statedBy, type Role } from "./signature-content.ts";

/**
 * Signed NuGet packages: the package is evidence about itself. Its author or a repository signed it, and a repository may have signed the
 * author's signature as well; each becomes a claim of its own.
 */
export const nuget: ProvenanceFormat<Trust> = {
  id: "nuget",
  recognises: ({ bytes }) => isZip(bytes) && tailOf(bytes).includes(signatureName),
  read: (evidence, question) => reading(question, () => claimsIn(evidence, question)),
  about: ({ sha256: hex }) => [{ digests: [{ algorithm: "sha256", hex }] }],
};

const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
const tailOf = (bytes: Uint8Array): Buffer => {
  const start = Math.max(0, bytes.length - window);
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, bytes.length - start);
};
const window = 8 * 1024 * 1024;

async function claimsIn(evidence: Evidence, question: Question<Trust>): Promise<readonly [Claim, ...Claim[]]> {
  if (evidence.bytes.length > maxPackageBytes) throw unreadable(`a package is larger than ${maxPackageBytes} bytes`);
  // A package signs its own bytes. Of another file it says nothing.
  if (hash("sha256", evidence.bytes, "hex") !== question.subject.sha256)
    throw new Refusal("foreign", "the signature lies in another file, and is about that one");
  const signed = await readSignedPackage(evidence.bytes);
  const data = readSignedData(readDer(signed.signature), "the package's signature");
  const [primary, another] = data.signers;
  if (another !== undefined || data.contentType !== cmsOids.data || data.content === undefined)
    throw unreadable("a package's signature has one signer and its content inside");
  const counter = countersignerOf(primary);
  const signers = counter === undefined ? [primary] : [primary, counter];
  const trust = { signers: anchorsFor(question.trust, "nuget"), timestamps: anchorsFor(question.trust, "timestamp") };
  const carried = certificatesOf(signers, data.certificates, "the package's signature");
  const content = { bytes: data.content, type: cmsOids.data, mayBeCountersigned: true };
  const first = signerClaim(primary, content, carried, trust, evidence, question);
  requireSameContent(signed, data.content);
  if (counter === undefined) return [first];
  return [
    first,
    signerClaim(counter, { bytes: primary.signature, type: undefined }, carried, trust, evidence, question),
  ];
}

export const maxPackageBytes = 512 * 1024 * 1024;

/** The role stands among the signed attributes: an author's signature cannot be passed off as a repository's. */
function signerClaim(
  by: CmsSigner,
  content: SignedBytes,
  carried: readonly Certificate[],
  trust: CodeTrust,
  evidence: Evidence,
  question: Question<Trust>,
): Claim {
  const role = roleOf(by);
  requireRole(role, content.type === undefined);
  const what = role === "author" ? "the author's signature" : "the repository's signature";
  const { signer, certificate, pinned, times } = codeSignerOf(by, content, carried, trust, question.now, what);
  if (namesCertificate(by, certificate, what) !== true) throw unreadable(`${what} does not name its certificate`);
  const usages = extendedUsages(certificate);
  if (!usages.includes(codeSigning)) throw forged(`the certificate of ${what} is not for code signing`);
  if (usages.includes(lifetimeSigning))
    throw unsupported(`the certificate of ${what} limits signatures to its lifetime`);
  const attested = {
    format: "nuget",
    mediaType: "application/zip",
    signed: { signer, times, loggedIn: [] },
    publisher: pinned,
    facts: { role, ...statedBy(by) },
  };
  return claimOf(attested, evidence, question);
}

const lifetimeSigning = "1.3.6.1.4.1.311.10.3.13";

function requireRole(role: Role, isCountersignature: boolean): void {
  if (isCountersignature && role !== "repository")
    throw unsupported("a package's signature is countersigned by a repository");
}

/**
 * RFC 5652 11.4. It is over the author's signature alone, and for any signature a key can be found that makes it one over other content:
 * so it counts only beside an author's certificate that leads to an authority the owner names, which `claimsIn` has asked for first.
 */
function countersignerOf(primary: CmsSigner): CmsSigner | undefined {
  const value = onlyValue(primary.unsigned, cmsOids.countersignature, "the package's signature");
  if (value === undefined) return undefined;
  if (roleOf(primary) !== "author") throw unreadable("a repository's own signature is not countersigned");
  return readSigner(value, "the repository's signature");
}

function requireSameContent(signed: SignedPackage, content: Buffer): void {
  const { algorithm, base64 } = signedHash(content);
  const said = base64Bytes(base64);
  if (said === undefined) throw unreadable("the signed digest is malformed base64");
  if (!signed.digest(algorithm).equals(said)) throw forged("the package is not what was signed");
}
