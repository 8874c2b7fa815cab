import { hash } from "node:crypto";
import * as z from "zod";
import { base64Bytes } from "../../lib/strict-base64.ts";
import { settle } from "../keys/signature-check.ts";
import { publicKey, rsaPublicKey, type PublicKey } from "../keys/public-key.ts";
import { unreadable } from "../refusal.ts";
import { authority, issuedBy, type Authority } from "../x509/chain.ts";
import { isAuthority, parseCertificate } from "../x509/certificate.ts";
import type { CertificateLog } from "../x509/signed-certificate-timestamp.ts";
import type { TimestampAuthority } from "../x509/timestamp.ts";

/** A Sigstore instance: who issues certificates, who logs them, who logs signatures, who stamps time. */
export interface SigstoreRoot {
  readonly authorities: readonly Authority[];
  readonly certificateLogs: readonly CertificateLog[];
  readonly logs: readonly TransparencyLog[];
  readonly timestampAuthorities: readonly TimestampAuthority[];
}

export interface TransparencyLog {
  /** The host it answers at. */
  readonly name: string;
  /** Its id binds that name (c2sp.org/signed-note), so that its checkpoints go by no other; else the key alone says which log it is. */
  readonly nameIsBound: boolean;
  readonly id: Buffer;
  /** The first bytes of this name the key in a checkpoint. */
  readonly checkpointId: Buffer;
  readonly key: PublicKey;
  readonly from: number;
  readonly until: number;
}

/** trusted_root.json as the sigstore protobuf-specs publish it. Keys are imported and issuers verified once, here. */
export function readTrustedRoot(document: unknown): SigstoreRoot {
  const parsed = TrustedRootDocument.safeParse(document);
  if (!parsed.success)
    throw unreadable(`the trusted root is malformed: ${parsed.error.issues[0]?.path.join(".") ?? ""}`);
  const { tlogs, certificateAuthorities, ctlogs, timestampAuthorities } = parsed.data;
  const withoutLogs = tlogs.length === 0 && ctlogs.length === 0;
  return {
    logs: tlogs.map(logOf),
    certificateLogs: ctlogs.map(logOf),
    authorities: certificateAuthorities.map((one) =>
      authority(one.uri, one.certChain.certificates.map(rawBytes), ...window(one.validFor), withoutLogs),
    ),
    timestampAuthorities: timestampAuthorities.map(timestampAuthorityOf),
  };
}

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const Window = z.object({ start: time.optional(), end: time.optional() });
const Raw = z.object({ rawBytes: z.string().max(16384) });
const Log = z.object({
  baseUrl: z.string().max(2000).default(""),
  publicKey: Raw.extend({ validFor: Window.optional(), keyDetails: z.string().max(100).optional() }),
  logId: z.object({ keyId: z.string().max(200) }),
  checkpointKeyId: z.object({ keyId: z.string().max(200) }).optional(),
});
const AuthorityDocument = z.object({
  uri: z.string().max(2000).default(""),
  certChain: z.object({ certificates: z.array(Raw).min(1).max(8) }),
  validFor: Window.optional(),
});
const some = <T extends z.ZodType>(schema: T) => z.array(schema).max(64).default([]);
const TrustedRootDocument = z.object({
  mediaType: z.string().max(200),
  tlogs: some(Log),
  certificateAuthorities: some(AuthorityDocument),
  ctlogs: some(Log),
  timestampAuthorities: some(AuthorityDocument),
});

function logOf(log: z.infer<typeof Log>): TransparencyLog {
  const [from, until] = window(log.publicKey.validFor);
  const id = bytes(log.logId.keyId);
  return {
    name: hostOf(log.baseUrl),
    // RFC 6962 3.2, as Rekor v1 names its keys.
    nameIsBound: !hash("sha256", rawBytes(log.publicKey), "buffer").equals(id),
    id,
    checkpointId: bytes((log.checkpointKeyId ?? log.logId).keyId),
    // sigstore_common.proto: the PKCS1_ kinds hold the bare RSA key, all others a SubjectPublicKeyInfo.
    key:
      log.publicKey.keyDetails?.startsWith("PKCS1_") === true
        ? rsaPublicKey(rawBytes(log.publicKey))
        : publicKey(rawBytes(log.publicKey)),
    from,
    until,
  };
}

/** A log or authority without a beginning would vouch for any past. Refuse the root rather than guess one. */
function window(validFor: z.infer<typeof Window> | undefined): [number, number] {
  if (validFor?.start === undefined) throw unreadable("the trusted root names a key without the start of its validity");
  const until = validFor.end ?? Number.POSITIVE_INFINITY;
  if (until < validFor.start) throw unreadable("the trusted root names a key that ends before it starts");
  return [validFor.start, until];
}

const rawBytes = ({ rawBytes: text }: { readonly rawBytes: string }): Buffer => bytes(text);

function bytes(text: string): Buffer {
  const decoded = base64Bytes(text);
  if (decoded === undefined || decoded.length === 0) throw unreadable("the trusted root holds malformed base64");
  return decoded;
}

const hostOf = (url: string): string => url.replace(/^[a-z]+:\/\//, "").replace(/\/$/, "");

function timestampAuthorityOf(document: z.infer<typeof AuthorityDocument>): TimestampAuthority {
  const chain = document.certChain.certificates.map(rawBytes);
  const [first, ...rest] = chain.map(parseCertificate);
  if (first === undefined) throw unreadable("a timestamp authority needs a certificate");
  // Some roots name only who issues the stamping certificates; the timestamp then brings its own.
  const leaf = isAuthority(first) ? undefined : first;
  if (leaf !== undefined && rest.length === 0)
    throw unreadable("a timestamp authority needs its certificate and its issuer");
  const above = authority(document.uri, leaf === undefined ? chain : chain.slice(1), ...window(document.validFor));
  if (leaf === undefined) return { above };
  const issuer = above.issuers.find(({ subject }) => subject.equals(leaf.issuer));
  if (issuer === undefined) throw unreadable("a timestamp authority's certificate is not by the issuer beside it");
  settle([issuedBy(leaf, issuer)]);
  return { leaf, above };
}
