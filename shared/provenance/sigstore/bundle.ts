import * as z from "zod";
import { base64Bytes } from "../../lib/strict-base64.ts";
import { parseStrictJson } from "../../lib/strict-json.ts";
import { EnvelopeDocument, envelopeOf, type Envelope } from "../intoto/envelope.ts";
import { unreadable, unsupported } from "../refusal.ts";
import { inCamelCase } from "./proto-json.ts";

/** A Sigstore bundle 0.1, 0.2 or 0.3 with its base64 undone. Nothing in it is believed yet. */
export interface Bundle {
  readonly version: BundleVersion;
  readonly signer: { readonly certificates: readonly [Buffer, ...Buffer[]] } | { readonly hint: string };
  readonly entries: readonly LogEntry[];
  readonly timestamps: readonly Buffer[];
  readonly content: Content;
}

export type BundleVersion = "0.1" | "0.2" | "0.3";

export type Content =
  | {
      readonly kind: "envelope";
      readonly envelope: Envelope;
      /** The envelope as cosign keeps it in a registry: what its timestamps, and Rekor's oldest entries, are made over. */
      readonly source?: Uint8Array;
    }
  | { readonly kind: "message"; readonly algorithm: string; readonly digest: Buffer; readonly signature: Buffer };

export interface LogEntry {
  readonly logIndex: bigint;
  readonly logId: Buffer;
  readonly kind: string;
  readonly version: string;
  readonly integratedTime: number;
  readonly promise: Buffer | undefined;
  readonly proof: InclusionProof | undefined;
  readonly body: Buffer;
}

export interface InclusionProof {
  readonly logIndex: bigint;
  readonly treeSize: bigint;
  readonly rootHash: Buffer;
  readonly hashes: readonly Buffer[];
  readonly checkpoint: string;
}

/** The bundle in a file's bytes: one JSON document, a last newline allowed. */
export function readBundle(bytes: Uint8Array): Bundle {
  const json = parseStrictJson(bytes);
  if (!json.ok) throw unreadable(`the bundle is not read: ${json.why}`);
  return bundleOf(json.value);
}

export function bundleOf(document: unknown): Bundle {
  const parsed = parsedBundle(document);
  const { mediaType, verificationMaterial: material, dsseEnvelope, messageSignature } = parsed;
  const version = versionOf(mediaType);
  const entries = (material.tlogEntries ?? []).map(entryOf);
  requireProofs(version, entries);
  return {
    version,
    signer: signerOf(version, material),
    entries,
    timestamps: (material.timestampVerificationData?.rfc3161Timestamps ?? []).map((one) =>
      decoded(one.signedTimestamp),
    ),
    content: contentOf(dsseEnvelope ?? undefined, messageSignature ?? undefined),
  };
}

function parsedBundle(document: unknown): z.infer<typeof BundleDocument> {
  const parsed = BundleDocument.safeParse(document);
  if (parsed.success) return parsed.data;
  const respelt = BundleDocument.safeParse(inCamelCase(document));
  if (respelt.success) return respelt.data;
  throw unreadable(`the bundle is malformed: ${issue(parsed.error)}`);
}

export function issue(error: z.ZodError): string {
  const [first] = error.issues;
  return first === undefined ? "" : `${first.path.join(".")} ${first.message}`.trim();
}

// Proto3 JSON: 64-bit integers are strings, and a field that is null or absent has its default.
const integer = z.union([z.string().regex(/^(0|[1-9]\d{0,18})$/), z.int().nonnegative()]);
const base64 = z.string().max(12 * 1024 * 1024);
const Raw = z.strictObject({ rawBytes: base64 });
const Entry = z.strictObject({
  logIndex: integer.default("0"),
  logId: z.strictObject({ keyId: base64 }),
  kindVersion: z.strictObject({ kind: z.string().max(40), version: z.string().max(20) }),
  integratedTime: integer.nullish(),
  inclusionPromise: z.strictObject({ signedEntryTimestamp: base64 }).nullish(),
  inclusionProof: z
    .strictObject({
      logIndex: integer.default("0"),
      rootHash: base64,
      treeSize: integer,
      hashes: z.array(base64).max(64).nullish(),
      checkpoint: z.strictObject({ envelope: z.string().max(16384) }).nullish(),
    })
    .nullish(),
  canonicalizedBody: base64,
});
export const LogEntryDocument = Entry;
const Material = z.strictObject({
  x509CertificateChain: z.strictObject({ certificates: z.array(Raw).min(1).max(10) }).nullish(),
  certificate: Raw.nullish(),
  publicKey: z.strictObject({ hint: z.string().max(1000).default("") }).nullish(),
  tlogEntries: z.array(Entry).max(32).nullish(),
  timestampVerificationData: z
    .strictObject({
      rfc3161Timestamps: z
        .array(z.strictObject({ signedTimestamp: base64 }))
        .max(32)
        .nullish(),
    })
    .nullish(),
});
// sigstore_common.proto, HashAlgorithm.
const algorithmNames: Readonly<Record<number, string>> = { 1: "SHA2_256", 2: "SHA2_384", 3: "SHA2_512" };
const Algorithm = z.union([
  z.string().max(40),
  z.int().transform((number) => algorithmNames[number] ?? `number ${number}`),
]);
const BundleDocument = z.strictObject({
  mediaType: z.string().max(200),
  verificationMaterial: Material,
  dsseEnvelope: EnvelopeDocument.nullish(),
  messageSignature: z
    .strictObject({
      messageDigest: z.strictObject({ algorithm: Algorithm, digest: base64 }),
      signature: base64,
    })
    .nullish(),
});

function versionOf(mediaType: string): BundleVersion {
  const version = /^application\/vnd\.dev\.sigstore\.bundle(?:\+json;version=(0\.[123])|\.v(0\.3)\+json)$/.exec(
    mediaType,
  );
  const found = version?.[1] ?? version?.[2];
  if (found === "0.1" || found === "0.2" || found === "0.3") return found;
  throw unsupported(`the bundle's media type ${mediaType.slice(0, 100)} is not read`);
}

/** What each bundle version demands of a log entry (sigstore_bundle.proto). */
function requireProofs(version: BundleVersion, entries: readonly LogEntry[]): void {
  for (const { promise, proof } of entries) {
    if (version === "0.1" && promise === undefined)
      throw unreadable("a 0.1 bundle's log entry needs an inclusion promise");
    if (version !== "0.1" && proof === undefined)
      throw unreadable(`a ${version} bundle's log entry needs an inclusion proof`);
  }
}

function signerOf(version: BundleVersion, material: z.infer<typeof Material>): Bundle["signer"] {
  const { certificate, x509CertificateChain: chain, publicKey: key } = material;
  const given = [certificate, chain, key].filter((one) => one !== undefined && one !== null).length;
  if (given !== 1) throw unreadable(given === 0 ? "the bundle names no signer" : "the bundle names several signers");
  if (key) return { hint: key.hint };
  if (certificate) {
    if (version !== "0.3") throw unreadable(`a ${version} bundle carries a certificate chain`);
    return { certificates: [decoded(certificate.rawBytes)] };
  }
  if (version === "0.3") throw unreadable("a 0.3 bundle carries its signing certificate alone");
  const [leaf, ...rest] = (chain?.certificates ?? []).map((one) => decoded(one.rawBytes));
  if (leaf === undefined) throw unreadable("the bundle's certificate chain is empty");
  return { certificates: [leaf, ...rest] };
}

export function entryOf(entry: z.infer<typeof Entry>): LogEntry {
  const proof = entry.inclusionProof;
  return {
    logIndex: BigInt(entry.logIndex),
    logId: decoded(entry.logId.keyId),
    kind: entry.kindVersion.kind,
    version: entry.kindVersion.version,
    integratedTime: seconds(entry.integratedTime ?? "0"),
    promise: entry.inclusionPromise ? decoded(entry.inclusionPromise.signedEntryTimestamp) : undefined,
    proof: proof ? proofOf(proof) : undefined,
    body: decoded(entry.canonicalizedBody),
  };
}

function proofOf(proof: NonNullable<z.infer<typeof Entry>["inclusionProof"]>): InclusionProof | undefined {
  // A 0.1 bundle may bring a proof without a checkpoint: nobody signed its root, so it says nothing.
  if (!proof.checkpoint) return undefined;
  return {
    logIndex: BigInt(proof.logIndex),
    treeSize: BigInt(proof.treeSize),
    rootHash: decoded(proof.rootHash),
    hashes: (proof.hashes ?? []).map(decoded),
    checkpoint: proof.checkpoint.envelope,
  };
}

function seconds(text: string | number): number {
  const value = Number(text);
  // Past the year 9999 neither we nor any certificate can say it.
  if (value > 253_402_300_799) throw unreadable("a log entry's time is beyond the year 9999");
  return value;
}

function contentOf(
  envelope: z.infer<typeof EnvelopeDocument> | undefined,
  message: { messageDigest: { algorithm: string; digest: string }; signature: string } | undefined,
): Content {
  if (envelope !== undefined && message === undefined) return { kind: "envelope", envelope: envelopeOf(envelope) };
  if (message === undefined || envelope !== undefined) throw unreadable("a bundle signs one envelope or one message");
  return {
    kind: "message",
    algorithm: message.messageDigest.algorithm,
    digest: decoded(message.messageDigest.digest),
    signature: decoded(message.signature),
  };
}

function decoded(text: string): Buffer {
  const bytes = base64Bytes(text);
  if (bytes === undefined || bytes.length === 0) throw unreadable("the bundle holds malformed or empty base64");
  return bytes;
}
