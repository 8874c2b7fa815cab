import { createHash, sign } from "node:crypto";
import { preAuthEncoding } from "@provost/shared/provenance/intoto/envelope.ts";
import {
  b64,
  leafCertificate,
  logIdOf,
  names,
  signedAt,
  tilesIdOf,
  type Instance,
  type LeafChanges,
} from "./instance.ts";
import { keyPair, sha256Of, spkiOf, type KeyPair } from "./write-certificate.ts";
import { timestampResponse, type TimestampRequest } from "./write-timestamp.ts";

/** What one bundle is made of. Left out: a v0.3 bundle over a message, one Rekor v1 entry with promise and proof. */
export interface BundleParts {
  readonly version?: "0.1" | "0.2" | "0.3";
  readonly signs?: { readonly message: Uint8Array } | { readonly payload: Uint8Array; readonly payloadType: string };
  readonly leaf?: LeafChanges;
  /** A key that the owner manages, instead of a certificate; the hint names it. */
  readonly hint?: string;
  /** Certificates after the leaf, before 0.3. */
  readonly above?: readonly Buffer[];
  readonly digest?: "sha256" | "sha384" | "sha512";
  readonly entries?: readonly EntryParts[];
  readonly stamps?: readonly Partial<TimestampRequest>[];
  readonly keyId?: string;
}

export interface EntryParts {
  readonly kind?: "hashedrekord" | "dsse" | "intoto";
  readonly log?: "promises" | "tiles";
  readonly promise?: boolean;
  readonly proof?: boolean;
  readonly at?: number;
  readonly origin?: string;
  readonly noteName?: string;
  readonly noteBy?: KeyPair;
  readonly noteHint?: Buffer;
  readonly extraNotes?: readonly string[];
  readonly body?: (body: Record<string, unknown>) => unknown;
  readonly document?: (entry: Record<string, unknown>) => unknown;
}

export function forgeBundle(by: Instance, parts: BundleParts = {}): Record<string, unknown> {
  const { version = "0.3", signs = { message: Buffer.from("the program") }, digest = "sha256" } = parts;
  const key = parts.leaf?.key ?? keyPair("P-256");
  const leaf = parts.hint === undefined ? leafCertificate(by, key, parts.leaf) : undefined;
  const over = "message" in signs ? signs.message : preAuthEncoding({ ...signs, payload: Buffer.from(signs.payload) });
  const signature = sign(key.privateKey.asymmetricKeyType === "ed25519" ? null : digest, over, key.privateKey);
  const made: Made = { by, key, leaf, signs, signature, digest, over };
  const timestamps = (parts.stamps ?? []).map((stamp) => ({
    signedTimestamp: b64(
      timestampResponse({
        stamped: signature,
        at: signedAt,
        by: by.clock,
        certificate: by.certificates.clock,
        issuer: names.root,
        ...stamp,
      }),
    ),
  }));
  return {
    mediaType:
      version === "0.3"
        ? "application/vnd.dev.sigstore.bundle.v0.3+json"
        : `application/vnd.dev.sigstore.bundle+json;version=${version}`,
    verificationMaterial: {
      ...signerDocument(version, leaf, parts),
      tlogEntries: (parts.entries ?? [{}]).map((entry) => entryDocument(made, entry)),
      ...(timestamps.length === 0 ? {} : { timestampVerificationData: { rfc3161Timestamps: timestamps } }),
    },
    ...("message" in signs
      ? {
          messageSignature: {
            messageDigest: {
              algorithm: `SHA2_${digest.slice(3)}`,
              digest: b64(createHash(digest).update(signs.message).digest()),
            },
            signature: b64(signature),
          },
        }
      : {
          dsseEnvelope: {
            payload: b64(signs.payload),
            payloadType: signs.payloadType,
            signatures: [{ sig: b64(signature), keyid: parts.keyId ?? "" }],
          },
        }),
  };
}

function signerDocument(version: string, leaf: Buffer | undefined, parts: BundleParts): Record<string, unknown> {
  if (leaf === undefined) return { publicKey: { hint: parts.hint } };
  const raw = (der: Buffer): Record<string, string> => ({ rawBytes: b64(der) });
  return version === "0.3"
    ? { certificate: raw(leaf) }
    : { x509CertificateChain: { certificates: [leaf, ...(parts.above ?? [])].map(raw) } };
}

interface Made {
  readonly by: Instance;
  readonly key: KeyPair;
  readonly leaf: Buffer | undefined;
  readonly signs: NonNullable<BundleParts["signs"]>;
  readonly signature: Buffer;
  readonly digest: "sha256" | "sha384" | "sha512";
  readonly over: Uint8Array;
}

/** A log of one leaf: the entry's own hash is the root. */
function entryDocument(made: Made, parts: EntryParts): unknown {
  const { log = "promises", at = signedAt, promise = log === "promises", proof = true } = parts;
  const { by, signs } = made;
  const kind = parts.kind ?? ("message" in signs ? "hashedrekord" : log === "tiles" ? "dsse" : "intoto");
  const version = log === "tiles" || kind === "intoto" ? "0.0.2" : "0.0.1";
  const plain = {
    apiVersion: version,
    kind,
    spec: log === "tiles" ? specOfTiles(made, kind) : specOfPromises(made, kind),
  };
  const logged = parts.body?.(plain) ?? plain;
  const body = Buffer.from(typeof logged === "string" ? logged : JSON.stringify(logged));
  const id = log === "tiles" ? tilesIdOf(by) : logIdOf(by.log);
  const seconds = Math.floor(at / 1000);
  const promised = `{"body":"${b64(body)}","integratedTime":${seconds},"logID":"${id.toString("hex")}","logIndex":0}`;
  const root = sha256Of(Buffer.from([0]), body);
  const entry = {
    logIndex: "0",
    logId: { keyId: b64(id) },
    kindVersion: { kind, version },
    ...(promise
      ? {
          integratedTime: String(seconds),
          inclusionPromise: { signedEntryTimestamp: b64(sign("sha256", Buffer.from(promised), by.log.privateKey)) },
        }
      : {}),
    ...(proof
      ? {
          inclusionProof: {
            logIndex: "0",
            treeSize: "1",
            rootHash: b64(root),
            hashes: [],
            checkpoint: { envelope: checkpoint(made, parts, log, id, root) },
          },
        }
      : {}),
    canonicalizedBody: b64(body),
  };
  return parts.document?.(entry) ?? entry;
}

function checkpoint({ by }: Made, parts: EntryParts, log: string, id: Buffer, root: Buffer): string {
  const name = parts.noteName ?? (log === "tiles" ? names.tiles : names.log);
  const note = `${parts.origin ?? (log === "tiles" ? name : `${name} - 1`)}\n1\n${b64(root)}\n`;
  const { privateKey } = parts.noteBy ?? (log === "tiles" ? by.tiles : by.log);
  const signature = sign(log === "tiles" ? null : "sha256", Buffer.from(note), privateKey);
  const line = `\u2014 ${name} ${b64(Buffer.concat([parts.noteHint ?? id.subarray(0, 4), signature]))}`;
  return `${note}\n${[...(parts.extraNotes ?? []), line].join("\n")}\n`;
}

const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${(b64(der).match(/.{1,64}/g) ?? []).join("\n")}\n-----END ${label}-----\n`;

const signerPem = ({ leaf, key }: Made): string =>
  leaf === undefined ? pem("PUBLIC KEY", spkiOf(key.publicKey)) : pem("CERTIFICATE", leaf);

const payloadOf = ({ signs }: Made): Uint8Array => ("message" in signs ? signs.message : signs.payload);
const hexOf = (algorithm: string, bytes: Uint8Array): string => createHash(algorithm).update(bytes).digest("hex");

function specOfPromises(made: Made, kind: string): unknown {
  const { signature, digest, over, signs } = made;
  const payloadHash = { algorithm: "sha256", value: hexOf("sha256", payloadOf(made)) };
  if (kind === "hashedrekord")
    return {
      data: { hash: { algorithm: digest, value: hexOf(digest, over) } },
      signature: { content: b64(signature), publicKey: { content: b64(signerPem(made)) } },
    };
  if (kind === "dsse")
    return { payloadHash, signatures: [{ signature: b64(signature), verifier: b64(signerPem(made)) }] };
  const payloadType = "message" in signs ? "" : signs.payloadType;
  const signatures = [{ publicKey: b64(signerPem(made)), sig: b64(b64(signature)) }];
  // What sits in the log for good: the payload by its digest, and the envelope's too, which nobody can compute again.
  return { content: { envelope: { payloadType, signatures }, hash: payloadHash, payloadHash } };
}

function specOfTiles(made: Made, kind: string): unknown {
  const { signature, digest, over, leaf, key } = made;
  const verifier =
    leaf === undefined
      ? { keyDetails: "PKIX_ECDSA_P256_SHA_256", publicKey: { rawBytes: b64(spkiOf(key.publicKey)) } }
      : { keyDetails: "PKIX_ECDSA_P256_SHA_256", x509Certificate: { rawBytes: b64(leaf) } };
  const by = { content: b64(signature), verifier };
  const digestOf = (bytes: Uint8Array): unknown => ({
    algorithm: `SHA2_${digest.slice(3)}`,
    digest: b64(createHash(digest).update(bytes).digest()),
  });
  return kind === "dsse"
    ? { dsseV002: { payloadHash: digestOf(payloadOf(made)), signatures: [by] } }
    : { hashedRekordV002: { data: digestOf(over), signature: by } };
}
