import { hash } from "node:crypto";
import * as z from "zod";
import { base64Bytes } from "../../lib/strict-base64.ts";
import { parseStrictJson } from "../../lib/strict-json.ts";
import { preAuthEncoding } from "../intoto/envelope.ts";
import { forged, unreadable, unsupported } from "../refusal.ts";
import type { Content, LogEntry } from "./bundle.ts";
import { pemOrDer } from "./pem.ts";

/** Who signed, as the log has to have recorded it: a certificate or a key, in DER. */
export interface Verifier {
  readonly der: Buffer;
}

/**
 * The log vouches for its own entry only. That the entry is about this signature, this content and this signer is for us to
 * compare: otherwise any entry of the log could be pasted beside any signature.
 */
export function requireSameEntry(entry: LogEntry, content: Content, signer: Verifier): void {
  const body = parseStrictJson(entry.body);
  if (!body.ok) throw unreadable(`the log entry is not read: ${body.why}`);
  const head = Head.safeParse(body.value);
  if (!head.success) throw unreadable("the log entry is malformed");
  if (head.data.kind !== entry.kind || head.data.apiVersion !== entry.version)
    throw forged("the log entry is of another kind than the bundle says");
  const logged = loggedBy(`${entry.kind} ${entry.version}`, head.data.spec, content);
  if (!signatureOf(content).equals(logged.signature)) throw forged("the log entry is for another signature");
  if (!logged.verifier.equals(signer.der)) throw forged("the log entry is for another signer");
  for (const { algorithm, digest, over } of logged.digests)
    if (!hash(algorithm, over, "buffer").equals(digest)) throw forged("the log entry is for other content");
  if (logged.message !== undefined) requireMessage(content, logged.message);
}

const Head = z.object({ kind: z.string().max(40), apiVersion: z.string().max(20), spec: z.unknown().optional() });

interface Logged {
  readonly signature: Buffer;
  readonly verifier: Buffer;
  readonly digests: readonly { readonly algorithm: string; readonly digest: Buffer; readonly over: Uint8Array }[];
  /** The digest of a message signature, whose bytes we may not have. */
  readonly message?: { readonly algorithm: string; readonly digest: Buffer };
}

function loggedBy(kind: string, spec: unknown, content: Content): Logged {
  switch (kind) {
    case "hashedrekord 0.0.1":
      return hashedRekord1(read(HashedRekord1, spec), content);
    case "hashedrekord 0.0.2":
      return hashedRekord2(read(HashedRekord2, spec).hashedRekordV002, content);
    case "dsse 0.0.1":
      return dsse1(read(Dsse1, spec), content);
    case "dsse 0.0.2":
      return dsse2(read(Dsse2, spec).dsseV002, content);
    case "intoto 0.0.1":
      return intoto1(read(InToto1, spec), content);
    case "intoto 0.0.2":
      return intoto2(read(InToto2, spec), content);
    default:
      throw unsupported(`log entries of kind ${kind.slice(0, 60)} are not read`);
  }
}

function read<T extends z.ZodType>(schema: T, spec: unknown): z.infer<T> {
  const parsed = schema.safeParse(spec);
  if (!parsed.success) throw unreadable("the log entry is malformed");
  return parsed.data;
}

const text = z.string().max(65536);
const Digest1 = z.object({ algorithm: text, value: text });
const HashedRekord1 = z.object({
  data: z.object({ hash: Digest1 }),
  signature: z.object({ content: text, publicKey: z.object({ content: text }) }),
});
const Dsse1 = z.object({
  payloadHash: Digest1,
  signatures: z.array(z.object({ signature: text, verifier: text })).length(1),
});
const InToto1 = z.object({
  content: z.object({ hash: Digest1, payloadHash: Digest1.optional() }),
  publicKey: text,
});
const InToto2 = z.object({
  content: z.object({
    envelope: z.object({
      payloadType: text,
      signatures: z.array(z.object({ publicKey: text, sig: text, keyid: text.optional() })).length(1),
    }),
    payloadHash: Digest1,
  }),
});
const Raw = z.object({ rawBytes: text });
const VerifierV2 = z.object({ x509Certificate: Raw.optional(), publicKey: Raw.optional() });
const Digest2 = z.object({ algorithm: text, digest: text });
const Signature2 = z.object({ content: text, verifier: VerifierV2 });
const HashedRekord2 = z.object({ hashedRekordV002: z.object({ data: Digest2, signature: Signature2 }) });
const Dsse2 = z.object({ dsseV002: z.object({ payloadHash: Digest2, signatures: z.array(Signature2).length(1) }) });

function hashedRekord1(spec: z.infer<typeof HashedRekord1>, content: Content): Logged {
  return {
    signature: bytes(spec.signature.content),
    verifier: pemOrDer(bytes(spec.signature.publicKey.content)),
    ...messageDigest(spec.data.hash.algorithm, hex(spec.data.hash.value), content),
  };
}

function hashedRekord2(spec: z.infer<typeof HashedRekord2>["hashedRekordV002"], content: Content): Logged {
  return {
    signature: bytes(spec.signature.content),
    verifier: verifierOf(spec.signature.verifier),
    ...messageDigest(spec.data.algorithm, bytes(spec.data.digest), content),
  };
}

function dsse1(spec: z.infer<typeof Dsse1>, content: Content): Logged {
  const [logged] = spec.signatures;
  const payload = payloadOf(content);
  return {
    signature: bytes(logged?.signature ?? ""),
    verifier: pemOrDer(bytes(logged?.verifier ?? "")),
    digests: [
      { algorithm: digestName(spec.payloadHash.algorithm), digest: hex(spec.payloadHash.value), over: payload },
    ],
  };
}

function dsse2(spec: z.infer<typeof Dsse2>["dsseV002"], content: Content): Logged {
  const [logged] = spec.signatures;
  return {
    signature: bytes(logged?.content ?? ""),
    verifier: verifierOf(logged?.verifier ?? {}),
    digests: [
      {
        algorithm: digestName(spec.payloadHash.algorithm),
        digest: bytes(spec.payloadHash.digest),
        over: payloadOf(content),
      },
    ],
  };
}

/** rekor types/intoto/v0.0.1 records no signature, but the digest of the whole envelope as it was uploaded. */
function intoto1(spec: z.infer<typeof InToto1>, content: Content): Logged {
  if (content.kind !== "envelope" || content.source === undefined)
    throw unsupported("log entries of kind intoto 0.0.1 are read beside the envelope as it was uploaded only");
  const { hash: uploaded, payloadHash } = spec.content;
  return {
    signature: signatureOf(content),
    verifier: pemOrDer(bytes(spec.publicKey)),
    digests: [
      { algorithm: digestName(uploaded.algorithm), digest: hex(uploaded.value), over: content.source },
      ...(payloadHash === undefined
        ? []
        : [{ algorithm: digestName(payloadHash.algorithm), digest: hex(payloadHash.value), over: payloadOf(content) }]),
    ],
  };
}

function intoto2(spec: z.infer<typeof InToto2>, content: Content): Logged {
  const { envelope, payloadHash } = spec.content;
  const [logged] = envelope.signatures;
  if (content.kind === "envelope" && envelope.payloadType !== content.envelope.payloadType)
    throw forged("the log entry is for another payload type");
  return {
    // rekor types/intoto/v0.0.2: the signature is base64 of the base64 in the envelope.
    signature: bytes(bytes(logged?.sig ?? "").toString("latin1")),
    verifier: pemOrDer(bytes(logged?.publicKey ?? "")),
    digests: [
      { algorithm: digestName(payloadHash.algorithm), digest: hex(payloadHash.value), over: payloadOf(content) },
    ],
  };
}

function messageDigest(name: string, digest: Buffer, content: Content): Pick<Logged, "digests" | "message"> {
  const algorithm = digestName(name);
  // rekor v2 logs an envelope as the digest of what was signed: its pre-authentication encoding.
  if (content.kind === "envelope") return { digests: [{ algorithm, digest, over: preAuthEncoding(content.envelope) }] };
  return { digests: [], message: { algorithm, digest } };
}

function requireMessage(content: Content, message: { readonly algorithm: string; readonly digest: Buffer }): void {
  if (
    content.kind !== "message" ||
    digestName(content.algorithm) !== message.algorithm ||
    !content.digest.equals(message.digest)
  )
    throw forged("the log entry is for other content");
}

function payloadOf(content: Content): Buffer {
  if (content.kind !== "envelope") throw forged("the log entry is for an envelope, and the bundle signs a message");
  return content.envelope.payload;
}

function signatureOf(content: Content): Buffer {
  if (content.kind === "message") return content.signature;
  const [first, ...more] = content.envelope.signatures;
  // sigstore_bundle.proto: the envelope of a bundle has exactly one signature.
  if (more.length > 0) throw unreadable("the envelope of a bundle has one signature");
  return first.signature;
}

function verifierOf({ x509Certificate, publicKey }: z.infer<typeof VerifierV2>): Buffer {
  const raw = x509Certificate ?? publicKey;
  if (raw === undefined) throw unreadable("the log entry names no signer");
  return bytes(raw.rawBytes);
}

/** Both spellings: rekor v1 writes "sha256", the protobuf enumeration SHA2_256. */
export function digestName(name: string): "sha256" | "sha384" | "sha512" {
  switch (name) {
    case "sha256":
    case "SHA2_256":
      return "sha256";
    case "sha384":
    case "SHA2_384":
      return "sha384";
    case "sha512":
    case "SHA2_512":
      return "sha512";
    default:
      throw unsupported(`the digest ${name.slice(0, 40)} is not accepted`);
  }
}

function bytes(encoded: string): Buffer {
  const decoded = base64Bytes(encoded);
  if (decoded === undefined || decoded.length === 0) throw unreadable("the log entry holds malformed base64");
  return decoded;
}

function hex(encoded: string): Buffer {
  if (!/^(?:[0-9a-f]{2}){20,64}$/.test(encoded)) throw unreadable("the log entry holds a malformed digest");
  return Buffer.from(encoded, "hex");
}
