import * as z from "zod";
import { base64Bytes } from "../../lib/strict-base64.ts";
import { unreadable } from "../refusal.ts";

/** DSSE v1.0.2: a payload, its type, and signatures over both. */
export interface Envelope {
  readonly payload: Buffer;
  readonly payloadType: string;
  readonly signatures: readonly [EnvelopeSignature, ...EnvelopeSignature[]];
}

export interface EnvelopeSignature {
  readonly keyId: string;
  readonly signature: Buffer;
  /** slsa-github-generator before bundles put the certificate here. */
  readonly certificate?: string;
}

export const EnvelopeDocument = z.strictObject({
  payload: z.string().max(22 * 1024 * 1024),
  payloadType: z.string().min(1).max(200),
  signatures: z
    .array(
      z.strictObject({
        sig: z.string().max(16384),
        keyid: z.string().max(1000).nullish(),
        cert: z.string().max(16384).nullish(),
      }),
    )
    .min(1)
    .max(64),
});

export function envelopeOf(document: z.infer<typeof EnvelopeDocument>): Envelope {
  const payload = base64Bytes(document.payload);
  if (payload === undefined) throw unreadable("the envelope's payload is malformed base64");
  const [first, ...rest] = document.signatures.map(signatureOf);
  if (first === undefined) throw unreadable("the envelope has no signature");
  return { payload, payloadType: document.payloadType, signatures: [first, ...rest] };
}

function signatureOf(entry: z.infer<typeof EnvelopeDocument>["signatures"][number]): EnvelopeSignature {
  const signature = base64Bytes(entry.sig);
  if (signature === undefined || signature.length === 0)
    throw unreadable("the envelope's signature is malformed base64");
  return { keyId: entry.keyid ?? "", signature, ...(entry.cert ? { certificate: entry.cert } : {}) };
}

/** DSSE protocol: PAE(type, body) is what was signed, so neither can be taken for the other. */
export function preAuthEncoding({ payload, payloadType }: Pick<Envelope, "payload" | "payloadType">): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head, "utf8"), payload]);
}
