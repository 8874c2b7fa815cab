import { generateKeyPairSync, sign } from "node:crypto";
import {
  alternativeName,
  certificate,
  extension,
  extensions,
  keyPair,
  sha256Of,
  spkiOf,
  usages,
  type CertificateRequest,
  type KeyPair,
} from "./write-certificate.ts";
import { octets } from "./write-der.ts";

/** A Sigstore instance of our own: an authority of two certificates, two logs for signatures, one for certificates, and a clock. */
export interface Instance {
  readonly root: KeyPair;
  readonly intermediate: KeyPair;
  readonly certificateLog: KeyPair;
  /** Rekor v1: promises and proofs. */
  readonly log: KeyPair;
  /** Rekor v2: proofs alone. */
  readonly tiles: KeyPair;
  readonly clock: KeyPair;
  readonly certificates: {
    readonly root: Buffer;
    readonly intermediate: Buffer;
    readonly clock: Buffer;
  };
}

export const began = Date.parse("2025-01-01T00:00:00Z");
export const signedAt = Date.parse("2026-01-02T03:04:05Z");
const ends = Date.parse("2035-01-01T00:00:00Z");
export const names = { root: "root", intermediate: "intermediate", log: "log.example", tiles: "tiles.example" };

/** What a test may want otherwise about the instance's own certificates. */
export interface InstanceChanges {
  readonly intermediateKey?: KeyPair;
  readonly intermediate?: Partial<CertificateRequest>;
  readonly clock?: Partial<CertificateRequest>;
}

export function sigstoreInstance(changes: InstanceChanges = {}): Instance {
  const [root, clock] = [keyPair("P-384"), keyPair("P-256")];
  const intermediate = changes.intermediateKey ?? keyPair("P-384");
  const issue = (request: Partial<CertificateRequest> & Pick<CertificateRequest, "subject" | "key">): Buffer =>
    certificate({ issuer: names.root, signedBy: root.privateKey, from: began, until: ends, extensions: [], ...request })
      .der;
  return {
    root,
    intermediate,
    clock,
    certificateLog: keyPair("P-256"),
    log: keyPair("P-256"),
    tiles: generateKeyPairSync("ed25519"),
    certificates: {
      root: issue({
        subject: names.root,
        key: root.publicKey,
        extensions: [extensions.authority(), extensions.keyUsage(5, 6)],
      }),
      intermediate: issue({
        subject: names.intermediate,
        key: intermediate.publicKey,
        extensions: [extensions.authority(0), extensions.keyUsage(5, 6), extensions.extendedUsage(usages.codeSigning)],
        ...changes.intermediate,
      }),
      clock: issue({
        subject: "clock",
        key: clock.publicKey,
        extensions: [extensions.keyUsage(0), extension("2.5.29.37", extendedTimeStamping, true)],
        ...changes.clock,
      }),
    },
  };
}

const extendedTimeStamping = extensions.extendedUsage(usages.timeStamping).subarray(-12);

export const identity = "https://ci.example/owner/repository/.ci/release.yml@refs/heads/main";
export const issuer = "https://ci.example";

export interface LeafChanges {
  readonly key?: KeyPair;
  readonly names?: readonly Buffer[];
  readonly extensions?: readonly Buffer[];
  readonly usages?: readonly string[];
  readonly stampedAt?: number;
  readonly stampedBy?: KeyPair;
  /** Whose key the certificate log believed the issuer's to be. */
  readonly stampedFor?: KeyPair;
  readonly withoutStamp?: boolean;
  readonly request?: Partial<CertificateRequest>;
}

/** A certificate of ten minutes as Fulcio issues them, with the certificate log's stamp inside (RFC 6962 3.2). */
export function leafCertificate(by: Instance, key: KeyPair, changes: LeafChanges = {}): Buffer {
  const stampedAt = changes.stampedAt ?? signedAt - 1000;
  const asked: CertificateRequest = {
    subject: "",
    issuer: names.intermediate,
    key: key.publicKey,
    signedBy: by.intermediate.privateKey,
    from: signedAt - 60_000,
    until: signedAt + 540_000,
    serial: [0x11, 0x22],
    extensions: [
      extensions.keyUsage(0),
      extensions.extendedUsage(...(changes.usages ?? [usages.codeSigning])),
      extensions.alternativeNames(...(changes.names ?? [alternativeName.uri(identity)])),
      extensions.fulcio(1, issuer),
      extensions.fulcio(8, issuer),
      ...(changes.extensions ?? []),
    ],
    ...changes.request,
  };
  if (changes.withoutStamp === true) return certificate(asked).der;
  const { tbs } = certificate(asked);
  const log = changes.stampedBy ?? by.certificateLog;
  const signed = Buffer.concat([
    Buffer.from([0, 0]),
    bigEndian(stampedAt, 8),
    Buffer.from([0, 1]),
    sha256Of(spkiOf((changes.stampedFor ?? by.intermediate).publicKey)),
    bigEndian(tbs.length, 3),
    tbs,
    Buffer.from([0, 0]),
  ]);
  const signature = sign("sha256", signed, log.privateKey);
  const stamp = Buffer.concat([
    Buffer.from([0]),
    sha256Of(spkiOf(log.publicKey)),
    bigEndian(stampedAt, 8),
    Buffer.from([0, 0, 4, 3]),
    bigEndian(signature.length, 2),
    signature,
  ]);
  const list = Buffer.concat([bigEndian(stamp.length + 2, 2), bigEndian(stamp.length, 2), stamp]);
  return certificate({
    ...asked,
    extensions: [...asked.extensions, extension("1.3.6.1.4.1.11129.2.4.2", octets(list))],
  }).der;
}

function bigEndian(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes.subarray(8 - length);
}

/** trusted_root.json of the instance. Each list can be replaced. */
export function trustedRoot(of: Instance, changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [logDocument(names.log, of.log), tilesDocument(of)],
    certificateAuthorities: [
      authorityDocument("https://ca.example", of.certificates.intermediate, of.certificates.root),
    ],
    ctlogs: [logDocument("certificates.example", of.certificateLog)],
    timestampAuthorities: [authorityDocument("https://clock.example", of.certificates.clock, of.certificates.root)],
    ...changes,
  };
}

const start = new Date(began).toISOString();
export const b64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");

export const authorityDocument = (uri: string, ...chain: readonly Buffer[]): Record<string, unknown> => ({
  subject: { organization: "example", commonName: "example" },
  uri,
  certChain: { certificates: chain.map((der) => ({ rawBytes: b64(der) })) },
  validFor: { start },
});

export const logDocument = (
  host: string,
  key: KeyPair,
  validFor: Readonly<Record<string, string>> = { start },
): Record<string, unknown> => ({
  baseUrl: `https://${host}`,
  hashAlgorithm: "SHA2_256",
  publicKey: { rawBytes: b64(spkiOf(key.publicKey)), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor },
  logId: { keyId: b64(logIdOf(key)) },
});

export const logIdOf = (key: KeyPair): Buffer => sha256Of(spkiOf(key.publicKey));

/** c2sp.org/signed-note: SHA-256(name || "\n" || 0x01 || key) for Ed25519. */
export const tilesIdOf = (of: Instance): Buffer =>
  sha256Of(Buffer.from(`${names.tiles}\n`), Buffer.from([1]), spkiOf(of.tiles.publicKey).subarray(-32));

export const tilesDocument = (
  of: Instance,
  validFor: Readonly<Record<string, string>> = { start },
): Record<string, unknown> => ({
  baseUrl: `https://${names.tiles}`,
  hashAlgorithm: "SHA2_256",
  publicKey: { rawBytes: b64(spkiOf(of.tiles.publicKey)), keyDetails: "PKIX_ED25519", validFor },
  logId: { keyId: b64(tilesIdOf(of)) },
});
