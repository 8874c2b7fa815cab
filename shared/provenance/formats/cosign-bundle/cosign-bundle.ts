import * as z from "zod";
import { parseStrictJson } from "../../../lib/strict-json.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import { checkCosign, type CosignBundle } from "../../cosign/check-cosign.ts";
import { pemCertificates } from "../../cosign/pem-certificates.ts";
import { cosignBytes, RekorBundleDocument, rekorEntry } from "../../cosign/rekor-bundle.ts";
import { headText } from "../../document-head.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { publicKeyFromPem } from "../../keys/public-key.ts";
import { unreadable } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import type { Trust } from "../../trust.ts";
import { aboutCosign } from "./about-cosign.ts";

/**
 * What `cosign sign-blob` wrote before Sigstore bundles. With `--bundle`: signature, certificate or key, and Rekor's promise, as JSON.
 * Without: the signature's base64 alone, which holds by a key of the owner's that needs no log. Read as the 0.1 bundle it amounts to.
 */
export const cosignBundle: ProvenanceFormat<Trust> = {
  id: "cosign-bundle",
  recognises: ({ bytes }) => (isJson(bytes) ? head(bytes).includes('"base64Signature"') : isSignature(bytes)),
  read: (evidence, question) => reading(question, async () => [await claimIn(evidence, question)]),
  about: aboutCosign,
};

const isJson = (bytes: Uint8Array): boolean => /^\s*\{/.test(head(bytes));

/** A first line that is the base64 of an ECDSA, RSA or Ed25519 signature, and nothing but a certificate after it. */
function isSignature(bytes: Uint8Array): boolean {
  if (bytes.length > maxPartsBytes) return false;
  return /^[A-Za-z0-9+/]{85,1366}={0,2}(?:\r?\n(?:-----BEGIN CERTIFICATE-----|LS0tLS1CRUdJTiBDRVJUSUZJQ0FUR)[\s\S]*|\s*)$/.test(
    head(bytes),
  );
}

const maxPartsBytes = 16 * 1024;
const head = (bytes: Uint8Array): string => headText(bytes, 16 * 1024);

async function claimIn(evidence: Evidence, question: Question<Trust>): Promise<Claim> {
  const attested = await checkCosign(bundleIn(evidence, question), question);
  return claimOf({ format: "cosign-bundle", ...attested }, evidence, question);
}

const base64 = z
  .string()
  .min(1)
  .max(1024 * 1024);
const Document = z.strictObject({
  base64Signature: base64,
  cert: base64.optional(),
  rekorBundle: RekorBundleDocument.nullish(),
});

function bundleIn({ bytes }: Evidence, { subject }: Question<Trust>): CosignBundle {
  const { base64Signature, cert, rekorBundle } = isJson(bytes) ? documentIn(bytes) : partsIn(bytes);
  return {
    version: "0.1",
    signer: signerOf(cert),
    entries: rekorBundle ? [rekorEntry(rekorBundle)] : [],
    timestamps: [],
    // cosign signs the file's SHA-256 and does not write it down: the only file this can be about is the one we ask for.
    content: {
      kind: "message",
      algorithm: "sha256",
      digest: Buffer.from(subject.sha256, "hex"),
      signature: cosignBytes(base64Signature),
    },
  };
}

function documentIn(bytes: Uint8Array): z.infer<typeof Document> {
  const json = parseStrictJson(bytes);
  if (!json.ok) throw unreadable(`the cosign bundle is not read: ${json.why}`);
  const parsed = Document.safeParse(json.value);
  if (!parsed.success) throw unreadable("the cosign bundle is malformed");
  return parsed.data;
}

/** `--output-signature` is base64 alone; `--output-certificate` beside it, base64 of PEM or PEM. Joined: a line each. */
function partsIn(bytes: Uint8Array): z.infer<typeof Document> {
  const text = Buffer.from(bytes).toString("latin1").trimEnd();
  const [base64Signature = "", ...rest] = text.split(/\r?\n/);
  const cert = rest.join("\n");
  if (cert === "") return { base64Signature };
  return { base64Signature, cert: cert.startsWith("-----") ? Buffer.from(cert).toString("base64") : cert };
}

/** `cert` is base64 of PEM: the signing certificate, or, with a key, the public key. */
function signerOf(cert: string | undefined): CosignBundle["signer"] {
  if (cert === undefined) return undefined;
  const pem = cosignBytes(cert);
  if (pem.includes("BEGIN CERTIFICATE")) {
    const [leaf, ...chain] = pemCertificates(pem.toString("latin1"));
    if (leaf === undefined) throw unreadable("the certificate is no PEM");
    return { certificates: [leaf, ...chain] };
  }
  const { fingerprint } = publicKeyFromPem(pem.toString("latin1"));
  return { hint: Buffer.from(fingerprint, "hex").toString("base64") };
}
