import { hash } from "node:crypto";
import type { SignatureBundle } from "@sigstore/sign";
import { preAuthEncoding } from "@provost/shared/provenance/intoto/envelope.ts";
import { pemBytes, publicKeyFromPem } from "@provost/shared/provenance/keys/public-key.ts";
import type { SignedBy, Signer } from "./signer.ts";
import { witness, type Witnesses } from "./witness.ts";

/** What is signed: a file's own bytes, or an in-toto statement in an envelope. */
export type Signable =
  | { readonly kind: "file"; readonly bytes: Uint8Array }
  | { readonly kind: "statement"; readonly payload: Uint8Array };

export const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** Signs, asks the witnesses, and writes a Sigstore bundle 0.3: one line of JSON. */
export async function makeBundle(signable: Signable, signer: Signer, witnesses: Witnesses): Promise<Buffer> {
  const payload = signable.kind === "statement" ? Buffer.from(signable.payload) : Buffer.from(signable.bytes);
  const signed = await signer.sign(signable.kind === "statement" ? preAuthEncoding({ payload, payloadType }) : payload);
  const content: SignatureBundle =
    signable.kind === "statement"
      ? {
          $case: "dsseEnvelope",
          dsseEnvelope: { payload, payloadType, signatures: [{ sig: signed.bytes, keyid: "" }] },
        }
      : {
          $case: "messageSignature",
          messageSignature: {
            messageDigest: { algorithm: sha2_256, digest: hash("sha256", payload, "buffer") },
            signature: signed.bytes,
          },
        };
  const { tlogEntries, rfc3161Timestamps } = await witness(content, signed.by, witnesses);
  const bundle = {
    mediaType: bundleMediaType,
    verificationMaterial: {
      ...signerIn(signed.by),
      tlogEntries,
      ...(rfc3161Timestamps.length === 0 ? {} : { timestampVerificationData: { rfc3161Timestamps } }),
    },
    ...(content.$case === "dsseEnvelope"
      ? { dsseEnvelope: content.dsseEnvelope }
      : {
          messageSignature: {
            ...content.messageSignature,
            messageDigest: { ...content.messageSignature.messageDigest, algorithm: "SHA2_256" },
          },
        }),
  };
  return Buffer.from(`${JSON.stringify(asProtoJson(bundle))}\n`);
}

const payloadType = "application/vnd.in-toto+json";
/** HashAlgorithm.SHA2_256 of sigstore_common.proto. */
const sha2_256 = 1;

/** sigstore_bundle.proto: a 0.3 bundle carries the signing certificate alone, or a hint that names the key. */
function signerIn(by: SignedBy): object {
  if (by.kind === "certificate")
    return { certificate: { rawBytes: pemBytes(by.pem, "CERTIFICATE").toString("base64") } };
  return { publicKey: { hint: keyHint(by.pem) } };
}

/** The base64 of the SHA-256 of the SubjectPublicKeyInfo, as cosign writes it. */
export const keyHint = (pem: string): string => hash("sha256", publicKeyFromPem(pem).spki, "base64");

/** Proto3 JSON: bytes are base64, 64-bit numbers stand as strings already, and what is absent is left out. */
function asProtoJson(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(asProtoJson);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => (member === undefined ? [] : [[name, asProtoJson(member)]])),
  );
}
