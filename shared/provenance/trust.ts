import { hash } from "node:crypto";
import * as z from "zod";
import { canonicalJson } from "../lib/canonical-json.ts";
import { pemBytes, publicKey, publicKeyFromPem, type PublicKey } from "./keys/public-key.ts";
import { namePattern, type NameRule } from "./name-rule.ts";
import { asRefusal, unreadable } from "./refusal.ts";
import { base64Bytes } from "../lib/strict-base64.ts";
import { readTrustedRoot, type SigstoreRoot } from "./sigstore/trusted-root.ts";
import { parseCertificate } from "./x509/certificate.ts";
import type { Anchor } from "./x509/path.ts";

/**
 * What the owner trusts, ready for use: keys imported, issuers verified. Read once per trust version and shared by every verdict,
 * which records that version, so that the same question asked again gives the same answer.
 */
export interface Trust {
  readonly version: string;
  /** After this instant what the document says of logs, keys and authorities may have been superseded. */
  readonly expires: number;
  readonly sigstore: SigstoreRoot;
  readonly keys: readonly PlainKey[];
  readonly openpgp: readonly OpenPgpKeyring[];
  readonly certificates: readonly TrustedCertificate[];
  readonly publishers: readonly SignerRule[];
  readonly builders: readonly BuilderRule[];
  readonly verifiers: readonly VerifierRule[];
  readonly revocations: readonly Revocation[];
}

export const keyUses = ["bundle", "envelope", "file", "npm:signatures", "npm:attestations", "minisign"] as const;
export type KeyUse = (typeof keyUses)[number];

export interface PlainKey {
  /** As documents name it: "SHA256:...", a KMS resource name, a minisign key id in hexadecimal. */
  readonly id: string;
  readonly name: string;
  readonly key: PublicKey;
  readonly uses: ReadonlySet<KeyUse>;
  readonly from: number;
  readonly until: number;
  /** The owner accepts this key's signatures without a transparency log entry. */
  readonly withoutLog: boolean;
}

export interface OpenPgpKeyring {
  readonly name: string;
  /** Binary or armoured, base64. */
  readonly base64: string;
  /** Upper-case hexadecimal. When present, only these primary keys count. */
  readonly fingerprints: readonly string[];
}

export const certificateUses = ["jar", "nuget", "timestamp"] as const;
export type CertificateUse = (typeof certificateUses)[number];

/** A root, an authority below one, or a publisher's own certificate; `timestamp` for those that vouch for time beside a signature. */
export interface TrustedCertificate extends Anchor {
  readonly uses: ReadonlySet<CertificateUse>;
}

export const anchorsFor = ({ certificates }: Trust, use: CertificateUse): readonly TrustedCertificate[] =>
  certificates.filter(({ uses }) => uses.has(use));

/**
 * Sigstore's certificates: this issuer and this identity. Keys: this key id. Certificates of an authority in `certificates`: the
 * subject as text under the authority of that name, or the very certificate by its SHA-256.
 */
export type SignerRule =
  | { readonly kind: "certificate"; readonly issuer: string; readonly identity: NameRule }
  | { readonly kind: "key"; readonly keyId: string }
  | { readonly kind: "subject"; readonly authority: string; readonly subject: NameRule }
  | { readonly kind: "fingerprint"; readonly fingerprint: string };

/** A builder is trusted up to a level when this signer vouches for this builder id. */
export interface BuilderRule {
  readonly builder: NameRule;
  readonly signer: SignerRule;
  readonly level: 1 | 2 | 3;
  /** The certificate's identity and the builder id are the same text. */
  readonly sameAsSigner: boolean;
  /** The runner the certificate has to name. */
  readonly runner?: string;
}

export interface VerifierRule {
  readonly verifier: string;
  readonly signer: SignerRule;
}

export interface Revocation {
  readonly what: "signer" | "key" | "digest" | "package" | "certificate";
  readonly value: string;
  readonly from: number;
  readonly until: number;
  readonly why: string;
}

export type TrustReading = { readonly ok: true; readonly trust: Trust } | { readonly ok: false; readonly why: string };

/** The trust document, already parsed from JSON. A document that cannot be used whole is refused whole. */
export function readTrust(document: unknown): TrustReading {
  try {
    return { ok: true, trust: trustOf(document) };
  } catch (cause) {
    return { ok: false, why: asRefusal(cause).message };
  }
}

function trustOf(document: unknown): Trust {
  const parsed = TrustDocument.safeParse(document);
  if (!parsed.success) {
    const [first] = parsed.error.issues;
    throw unreadable(`the trust document is malformed: ${first?.path.join(".") ?? ""} ${first?.message ?? ""}`.trim());
  }
  const { version, expires, sigstore, keys, openpgp, certificates, publishers, builders, verifiers, revocations } =
    parsed.data;
  return {
    version: version ?? `sha256:${hash("sha256", canonicalJson(document), "hex")}`,
    expires: expires ?? Number.POSITIVE_INFINITY,
    sigstore: joined(sigstore.map(readTrustedRoot)),
    keys: keys.map(keyOf),
    openpgp,
    certificates: certificates.map(certificateOf),
    publishers: publishers.map(signerRule),
    builders: builders.map(({ builder, signer, level, sameAsSigner, runner }) => ({
      builder: namePattern(builder),
      signer: signerRule(signer),
      level,
      sameAsSigner,
      ...(runner === undefined ? {} : { runner }),
    })),
    verifiers: verifiers.map(({ verifier, signer }) => ({ verifier, signer: signerRule(signer) })),
    revocations: revocations.map(({ from, until, ...rest }) => ({ ...rest, ...span(from, until) })),
  };
}

const text = z.string().min(1).max(4096);
const time = z.iso.datetime({ offset: true }).transform((value) => Date.parse(value));
const NameDocument = z.union([z.strictObject({ exact: text }), z.strictObject({ pattern: text })]);
const SignerDocument = z.union([
  z.strictObject({ issuer: text, identity: NameDocument }),
  z.strictObject({ keyId: text }),
  z.strictObject({ authority: text, subject: NameDocument }),
  z.strictObject({ certificate: z.string().regex(/^[0-9a-f]{64}$/) }),
]);
const list = <T extends z.ZodType>(schema: T) => z.array(schema).max(10_000).default([]);
const KeyDocument = z
  .strictObject({
    id: text,
    name: text.optional(),
    pem: text.optional(),
    rawBytes: text.optional(),
    uses: z.array(z.enum(keyUses)).min(1),
    from: time.optional(),
    until: time.optional(),
    withoutLog: z.boolean().default(false),
  })
  .refine((key) => (key.pem === undefined) !== (key.rawBytes === undefined), "a key is given as pem or as rawBytes");

/** The owner's trust, as it stands in one JSON document. */
export const TrustDocument = z.strictObject({
  version: text.optional(),
  expires: time.optional(),
  /** trusted_root.json documents: the public-good instance, private ones. */
  sigstore: z.array(z.unknown()).max(32).default([]),
  keys: list(KeyDocument),
  openpgp: list(
    z.strictObject({
      name: text,
      base64: z.string().max(4 * 1024 * 1024),
      fingerprints: z.array(z.string().regex(/^[0-9A-F]{40,64}$/)).default([]),
    }),
  ),
  certificates: list(
    z.strictObject({
      name: text,
      pem: z.string().max(128 * 1024),
      uses: z.array(z.enum(certificateUses)).min(1),
      from: time.optional(),
      until: time.optional(),
    }),
  ),
  publishers: list(SignerDocument),
  builders: list(
    z.strictObject({
      builder: NameDocument,
      signer: SignerDocument,
      level: z.union([z.literal(1), z.literal(2), z.literal(3)]),
      sameAsSigner: z.boolean().default(false),
      runner: text.optional(),
    }),
  ),
  verifiers: list(z.strictObject({ verifier: text, signer: SignerDocument })),
  revocations: list(
    z.strictObject({
      what: z.enum(["signer", "key", "digest", "package", "certificate"]),
      value: text,
      from: time.optional(),
      until: time.optional(),
      why: text,
    }),
  ),
});
export type TrustDocument = z.input<typeof TrustDocument>;

function joined(roots: readonly SigstoreRoot[]): SigstoreRoot {
  return {
    authorities: roots.flatMap((root) => root.authorities),
    certificateLogs: roots.flatMap((root) => root.certificateLogs),
    logs: roots.flatMap((root) => root.logs),
    timestampAuthorities: roots.flatMap((root) => root.timestampAuthorities),
  };
}

function keyOf({ id, name, pem, rawBytes, uses, from, until, withoutLog }: z.infer<typeof KeyDocument>): PlainKey {
  const der = rawBytes === undefined ? undefined : base64Bytes(rawBytes);
  if (rawBytes !== undefined && der === undefined) throw unreadable(`the key ${id} is malformed base64`);
  const key = naming(`the key ${id}`, () => (der === undefined ? publicKeyFromPem(pem ?? "") : publicKey(der)));
  return { id, name: name ?? id, key, uses: new Set(uses), ...span(from, until), withoutLog };
}

/** Of many keys, the one that has to be corrected. */
function naming<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw unreadable(`${what}: ${asRefusal(cause).message}`);
  }
}

function certificateOf(one: z.infer<typeof TrustDocument>["certificates"][number]): TrustedCertificate {
  const certificate = naming(`the certificate ${one.name}`, () => parseCertificate(pemBytes(one.pem, "CERTIFICATE")));
  return { name: one.name, certificate, uses: new Set(one.uses), ...span(one.from, one.until) };
}

export function signerRule(signer: z.infer<typeof SignerDocument>): SignerRule {
  if ("keyId" in signer) return { kind: "key", keyId: signer.keyId };
  if ("certificate" in signer) return { kind: "fingerprint", fingerprint: signer.certificate };
  if ("subject" in signer)
    return { kind: "subject", authority: signer.authority, subject: namePattern(signer.subject) };
  return { kind: "certificate", issuer: signer.issuer, identity: namePattern(signer.identity) };
}

const span = (from?: number, until?: number): { from: number; until: number } => ({
  from: from ?? Number.NEGATIVE_INFINITY,
  until: until ?? Number.POSITIVE_INFINITY,
});
