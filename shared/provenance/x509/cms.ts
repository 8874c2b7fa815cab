import { hash } from "node:crypto";
import { signatureCheck, type SignatureCheck } from "../keys/signature-check.ts";
import { forged, unreadable, unsupported } from "../refusal.ts";
import { digestOfSignatureOid, type Certificate } from "./certificate.ts";
import { contents, expectTag, inside, nested, oidText, tags, whole, type Der } from "./der.ts";

/** RFC 5652 5.1, as timestamps, jars and NuGet packages use it. Nothing in it is believed yet. */
export interface SignedData {
  readonly version: number;
  readonly contentType: string;
  /** Absent where the signature is detached. */
  readonly content: Buffer | undefined;
  /** Not covered by any signature of this structure. */
  readonly certificates: readonly Buffer[];
  readonly signers: readonly [CmsSigner, ...CmsSigner[]];
}

/** RFC 5652 5.3: one signature, by the certificate of that issuer and serial number. */
export interface CmsSigner {
  readonly issuer: Buffer;
  readonly serial: Buffer;
  readonly digest: string;
  readonly signed: Attributes | undefined;
  readonly unsigned: Attributes;
  readonly signature: Buffer;
  readonly signatureDigest: string | undefined;
}

export interface Attributes {
  /** As they were signed: a SET OF, whatever tag they travel under (RFC 5652 5.4). */
  readonly bytes: Buffer;
  readonly values: ReadonlyMap<string, readonly [Der, ...Der[]]>;
}

export const cmsOids = {
  data: "1.2.840.113549.1.7.1",
  signedData: "1.2.840.113549.1.7.2",
  contentType: "1.2.840.113549.1.9.3",
  messageDigest: "1.2.840.113549.1.9.4",
  countersignature: "1.2.840.113549.1.9.6",
  algorithmProtection: "1.2.840.113549.1.9.52",
  signingCertificate: "1.2.840.113549.1.9.16.2.12",
  signingCertificateV2: "1.2.840.113549.1.9.16.2.47",
  timestampToken: "1.2.840.113549.1.9.16.2.14",
} as const;

/** A ContentInfo that holds SignedData. `what` names it in a refusal: "the timestamp". */
export function readSignedData(info: Der, what: string): SignedData {
  const [type, holder, more] = inside(expectTag(info, tags.sequence, what));
  if (more !== undefined) throw unreadable(`${what} is malformed`);
  expectOid(type, cmsOids.signedData, "signed data");
  const fields = inside(expectTag(nested(expectTag(holder, 0xa0, what)), tags.sequence, what));
  const announced = inside(expectTag(fields[1], tags.set, `${what}'s digests`)).map((one) =>
    digestByOid(algorithmId(one, `${what}'s digest`)),
  );
  const [typeId, content] = inside(expectTag(fields[2], tags.sequence, `${what}'s content`));
  const contentType = oidText(expectTag(typeId, tags.oid, `${what}'s content type`));
  // RFC 5652 5.1: 1 for plain data with certificates and signers as they are read here, else 3. For who wrote 1 there too, see
  // timestamp-token.ts.
  const version = small(fields[0], `${what}'s version`);
  const versions = contentType === cmsOids.data ? [1] : [1, 3];
  if (!versions.includes(version)) throw unsupported(`${what} is not of version ${versions.join(" or ")}`);
  const [certificates, another] = fields.slice(3, -1);
  if (another !== undefined || (certificates !== undefined && certificates.tag !== 0xa0))
    throw unsupported(`${what} carries more than certificates`);
  const carried = certificates === undefined ? [] : inside(certificates).map(whole);
  if (carried.length > maxCertificates) throw unreadable(`${what} carries more than ${maxCertificates} certificates`);
  const signers = inside(expectTag(fields.at(-1), tags.set, `${what}'s signers`));
  if (signers.length > maxSigners) throw unreadable(`${what} has more than ${maxSigners} signers`);
  const [first, ...rest] = signers.map((one) => readSigner(one, what));
  if (first === undefined) throw unreadable(`${what} has no signer`);
  if (![first, ...rest].every(({ digest }) => announced.includes(digest)))
    throw unreadable(`${what} does not announce its signer's digest`);
  return {
    version,
    contentType,
    content:
      content === undefined
        ? undefined
        : contents(expectTag(nested(expectTag(content, 0xa0, `${what}'s content`)), tags.octetString, "its content")),
    certificates: carried,
    signers: [first, ...rest],
  };
}

export const maxCertificates = 32;
export const maxSigners = 16;

/** A SignerInfo, standing in SignedData or as the value of a countersignature. */
export function readSigner(signer: Der, what: string): CmsSigner {
  const [version, sid, digest, ...fields] = inside(expectTag(signer, tags.sequence, `${what}'s signer`));
  // RFC 5652 5.3: version 1 names the certificate by issuer and serial number, version 3 by its key.
  if (small(version, "the signer's version") !== 1) throw unsupported(`${what} names its signer by key`);
  const [issuer, serial] = inside(expectTag(sid, tags.sequence, `${what}'s signer`));
  const signed = fields[0]?.tag === 0xa0 ? fields[0] : undefined;
  const [algorithm, signature, unsigned, more] = fields.slice(signed === undefined ? 0 : 1);
  if (more !== undefined) throw unreadable(`${what}'s signer is malformed`);
  const digestId = algorithmId(digest, `${what}'s digest algorithm`);
  const algorithmName = algorithmId(algorithm, `${what}'s signature algorithm`);
  const read: CmsSigner = {
    issuer: whole(expectTag(issuer, tags.sequence, `${what}'s issuer`)),
    serial: contents(expectTag(serial, tags.integer, `${what}'s serial number`)),
    digest: digestByOid(digestId),
    signed: signed === undefined ? undefined : attributesIn(signed, what),
    unsigned: unsigned === undefined ? none : attributesIn(expectTag(unsigned, 0xa1, `${what}'s attributes`), what),
    signature: contents(expectTag(signature, tags.octetString, `${what}'s signature`)),
    // RFC 5754 3.2: plain rsaEncryption takes the digest from beside it.
    signatureDigest:
      oidText(algorithmName) === "1.2.840.113549.1.1.1"
        ? digestByOid(digestId)
        : digestOfSignatureOid(oidText(algorithmName)),
  };
  requireProtected(read, oidText(digestId), oidText(algorithmName), what);
  return read;
}

const none: Attributes = { bytes: Buffer.alloc(0), values: new Map() };

function attributesIn(holder: Der, what: string): Attributes {
  const values = new Map<string, readonly [Der, ...Der[]]>();
  for (const attribute of inside(holder)) {
    const [id, set, more] = inside(expectTag(attribute, tags.sequence, `${what}'s attribute`));
    const name = oidText(expectTag(id, tags.oid, `${what}'s attribute`));
    const [first, ...rest] = inside(expectTag(set, tags.set, `${what}'s attribute`));
    if (more !== undefined || first === undefined) throw unreadable(`${what}'s attribute ${name} is malformed`);
    if (values.has(name)) throw unreadable(`${what}'s attribute ${name} appears twice`);
    values.set(name, [first, ...rest]);
  }
  const bytes = Buffer.from(whole(holder));
  bytes[0] = tags.set;
  return { bytes, values };
}

/** The attribute's only value. RFC 5652 11: content type, message digest and the like have exactly one. */
export function onlyValue(attributes: Attributes, name: string, what: string): Der | undefined {
  const values = attributes.values.get(name);
  if (values !== undefined && values.length > 1) throw unreadable(`${what}'s attribute ${name} has several values`);
  return values?.[0];
}

/** RFC 6211: the signed attributes repeat both algorithms, so that neither can be exchanged for a weaker one. */
function requireProtected({ signed }: CmsSigner, digest: string, algorithm: string, what: string): void {
  const value = signed === undefined ? undefined : onlyValue(signed, cmsOids.algorithmProtection, what);
  if (value === undefined) return;
  const [named, holder] = inside(expectTag(value, tags.sequence, `${what}'s algorithms`));
  const [id] = inside(expectTag(holder, 0xa1, `${what}'s signature algorithm`));
  const same = oidText(algorithmId(named, `${what}'s digest algorithm`)) === digest;
  if (!same || oidText(expectTag(id, tags.oid, `${what}'s signature algorithm`)) !== algorithm)
    throw forged(`${what} was signed with other algorithms than it says`);
}

/**
 * RFC 5652 5.4 and 5.6: the one signature to settle for `content` under the signer's certificate. With signed attributes the digest
 * of the content is among them, beside its type; a countersignature (`contentType` undefined) names no type (11.4).
 */
export function contentCheck(
  { digest, signed, signature, signatureDigest }: CmsSigner,
  by: Certificate,
  content: Uint8Array,
  contentType: string | undefined,
  what: string,
): SignatureCheck {
  const over = signed === undefined ? content : signed.bytes;
  if (signed !== undefined) {
    const type = onlyValue(signed, cmsOids.contentType, what);
    if ((type === undefined ? undefined : oidText(type)) !== contentType)
      throw forged(`${what} was made over content of another type`);
    const said = onlyValue(signed, cmsOids.messageDigest, what);
    if (!contents(expectTag(said, tags.octetString, `${what}'s digest`)).equals(hash(digest, content, "buffer")))
      throw forged(`${what}'s content is not what was signed`);
  }
  return signatureCheck(`${what}'s signature`, by.key, over, signature, signatureDigest);
}

/** RFC 5035 and RFC 2634 5.4: the first certificate named among the signed attributes is the signer's. */
export function namesCertificate(signer: CmsSigner, certificate: Certificate, what: string): boolean | undefined {
  if (signer.signed === undefined) return undefined;
  const v2 = onlyValue(signer.signed, cmsOids.signingCertificateV2, what);
  const named = v2 ?? onlyValue(signer.signed, cmsOids.signingCertificate, what);
  if (named === undefined) return undefined;
  const [ids] = inside(named);
  const [first] = inside(expectTag(ids, tags.sequence, `${what}'s certificate name`));
  const [a, b] = inside(expectTag(first, tags.sequence, `${what}'s certificate name`));
  const algorithm =
    v2 !== undefined && a?.tag === tags.sequence
      ? digestByOid(algorithmId(a, "its algorithm"))
      : v2 !== undefined
        ? "sha256"
        : "sha1";
  const digest = expectTag(a?.tag === tags.octetString ? a : b, tags.octetString, `${what}'s certificate name`);
  return contents(digest).equals(hash(algorithm, certificate.der, "buffer"));
}

/** RFC 5754 2: the parameters of a digest are absent or NULL; those of ECDSA are absent. */
export function algorithmId(der: Der | undefined, what: string): Der {
  const [name, parameters, extra] = inside(expectTag(der, tags.sequence, what));
  const empty = parameters === undefined || (parameters.tag === tags.null && parameters.body === parameters.end);
  if (!empty || extra !== undefined) throw unsupported(`${what} has parameters`);
  return expectTag(name, tags.oid, what);
}

export const digestByOid = (id: Der): string => digestByName(oidText(id));

export function digestByName(name: string): string {
  const known = digests.get(name);
  if (known === undefined) throw unsupported(`the digest ${weak.get(name) ?? name} is not accepted`);
  return known;
}

const digests: ReadonlyMap<string, string> = new Map([
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
]);

const weak: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.2.5", "MD5"],
  ["1.3.14.3.2.26", "SHA-1"],
]);

export function expectOid(der: Der | undefined, name: string, what: string): void {
  if (oidText(expectTag(der, tags.oid, what)) !== name) throw unreadable(`this is not ${what}`);
}

/** A version number: one octet, not negative. */
export function small(der: Der | undefined, what: string): number {
  const [value, more] = contents(expectTag(der, tags.integer, what));
  if (value === undefined || more !== undefined || value > 127) throw unreadable(`${what} is malformed`);
  return value;
}
