import { hash } from "node:crypto";
import { publicKey, type PublicKey } from "../keys/public-key.ts";
import { unreadable, unsupported } from "../refusal.ts";
import { contents, derTime, expectTag, inside, nested, oidText, readDer, tags, whole, type Der } from "./der.ts";

/** RFC 5280, as far as a code-signing chain needs it. Names are compared as bytes and never rewritten. */
export interface Certificate {
  readonly der: Buffer;
  readonly fingerprint: string;
  readonly serial: Buffer;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly key: PublicKey;
  readonly extensions: ReadonlyMap<string, Extension>;
  /** The signed part, and where its pieces lie, so that a log's signature can be checked over it without the log's own stamp. */
  readonly tbs: Der;
  readonly signature: Buffer;
  /** The object identifier. Whether it is accepted is asked where the signature counts: an anchor's own never does. */
  readonly signatureAlgorithm: string;
}

export interface Extension {
  readonly critical: boolean;
  readonly value: Der;
  readonly element: Der;
}

export const oids = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  signedTimestamps: "1.3.6.1.4.1.11129.2.4.2",
} as const;

export function parseCertificate(der: Buffer): Certificate {
  if (der.length > maxCertificateBytes) throw unreadable(`a certificate is larger than ${maxCertificateBytes} bytes`);
  const [tbs, algorithm, signature, extra] = inside(expectTag(readDer(der), tags.sequence, "a certificate"));
  if (tbs === undefined || algorithm === undefined || extra !== undefined)
    throw unreadable("a certificate is malformed");
  const fields = inside(expectTag(tbs, tags.sequence, "a certificate"));
  // RFC 5280 4.1.2.1: extensions need version 3.
  const version = expectTag(fields[0], 0xa0, "a certificate's version");
  if (contents(nested(version)).toString("hex") !== "02") throw unsupported("a certificate is not of version 3");
  const [, serial, innerAlgorithm, issuer, validity, subject, spki, ...optional] = fields;
  // RFC 5280 4.1.1.2: both statements of the algorithm are the same.
  if (innerAlgorithm === undefined || !whole(innerAlgorithm).equals(whole(algorithm)))
    throw unreadable("a certificate states two signature algorithms");
  const [notBefore, notAfter] = inside(expectTag(validity, tags.sequence, "a certificate's validity"));
  if (notBefore === undefined || notAfter === undefined) throw unreadable("a certificate has no validity");
  return {
    der,
    fingerprint: hash("sha256", der, "hex"),
    serial: serialNumber(expectTag(serial, tags.integer, "a certificate's serial number")),
    issuer: whole(expectTag(issuer, tags.sequence, "a certificate's issuer")),
    subject: whole(expectTag(subject, tags.sequence, "a certificate's subject")),
    notBefore: derTime(notBefore),
    notAfter: derTime(notAfter),
    key: publicKey(whole(expectTag(spki, tags.sequence, "a certificate's key"))),
    extensions: extensionsOf(optional),
    tbs,
    signature: bitString(expectTag(signature, tags.bitString, "a certificate's signature")),
    signatureAlgorithm: algorithmOf(algorithm),
  };
}

export const maxCertificateBytes = 64 * 1024;

/** RFC 5280 4.1.2.2: not negative, at most 20 octets; X.690 8.3.2: in the fewest. */
function serialNumber(der: Der): Buffer {
  const [first, second = 0xff] = contents(der);
  if (first === undefined || first >= 0x80 || der.end - der.body > 20)
    throw unreadable("a certificate's serial number is negative or too long");
  if (first === 0 && second < 0x80 && der.end - der.body > 1)
    throw unreadable("a certificate's serial number is not in its shortest form");
  return contents(der);
}

function extensionsOf(optional: readonly Der[]): ReadonlyMap<string, Extension> {
  requireOptional(optional);
  const holder = optional.find((field) => field.tag === 0xa3);
  const found = new Map<string, Extension>();
  if (holder === undefined) return found;
  for (const element of inside(expectTag(nested(holder), tags.sequence, "a certificate's extensions"))) {
    const [id, second, third, fourth] = inside(element);
    const name = oidText(expectTag(id, tags.oid, "an extension's name"));
    const critical = second?.tag === tags.boolean;
    // X.690 11.5: a value equal to its default is left out, so BOOLEAN here is TRUE.
    if (critical && !isTrue(second)) throw unreadable("an extension's criticality is malformed");
    if ((critical ? fourth : third) !== undefined) throw unreadable("an extension has more than one value");
    const value = expectTag(critical ? third : second, tags.octetString, "an extension's value");
    // RFC 5280 4.2: an extension appears once.
    if (found.has(name)) throw unreadable(`the extension ${name} appears twice`);
    if (critical && !understood.has(name)) throw unsupported(`the critical extension ${name} is not understood`);
    found.set(name, { critical, value, element });
  }
  return found;
}

/** RFC 5280 4.1: two unique identifiers, which nobody uses, and the extensions; in this order, each at most once. */
function requireOptional(fields: readonly Der[]): void {
  let last = -1;
  for (const { tag } of fields) {
    const place = [0x81, 0x82, 0xa3].indexOf(tag);
    if (place <= last) throw unreadable("a certificate has parts that it should not have");
    last = place;
  }
}

/** X.690 11.1 */
const isTrue = (der: Der): boolean => der.end - der.body === 1 && der.bytes[der.body] === 0xff;

const understood = new Set<string>(Object.values(oids));

function bitString(der: Der): Buffer {
  const body = contents(der);
  if (body[0] !== 0) throw unreadable("a bit string is not whole octets");
  return body.subarray(1);
}

function algorithmOf(algorithm: Der): string {
  const [id] = inside(expectTag(algorithm, tags.sequence, "a signature algorithm"));
  return oidText(expectTag(id, tags.oid, "a signature algorithm"));
}

export function digestOfSignatureOid(name: string): string | undefined {
  if (!signatureAlgorithms.has(name)) throw unsupported(`the signature algorithm ${name} is not accepted`);
  return signatureAlgorithms.get(name);
}

// SHA-1 and MD5 are absent on purpose.
const signatureAlgorithms: ReadonlyMap<string, string | undefined> = new Map([
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
  ["1.2.840.113549.1.1.11", "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
  ["1.3.101.112", undefined],
]);

/** RFC 5280 4.2.1.9 and 4.2.1.3: both have to allow it. */
export const isAuthority = (certificate: Certificate): boolean =>
  saysAuthority(certificate) && usageAllows(certificate, keyCertSign);

/** For a signer it is enough that either says so: what could issue certificates is no signing certificate. */
export const couldIssue = (certificate: Certificate): boolean =>
  saysAuthority(certificate) || (certificate.extensions.has(oids.keyUsage) && usageAllows(certificate, keyCertSign));

function saysAuthority(certificate: Certificate): boolean {
  const constraints = certificate.extensions.get(oids.basicConstraints);
  if (constraints === undefined) return false;
  const [authority] = inside(nested(constraints.value));
  return authority?.tag === tags.boolean && isTrue(authority);
}

/** RFC 5280 4.2.1.9: how many authorities may stand below this one. Without a number, any. */
export function pathLength(certificate: Certificate): number {
  const constraints = certificate.extensions.get(oids.basicConstraints);
  const length = constraints === undefined ? undefined : inside(nested(constraints.value))[1];
  if (length === undefined) return Number.POSITIVE_INFINITY;
  const octets = contents(expectTag(length, tags.integer, "a certificate's path length"));
  if (octets.length !== 1 || (octets[0] ?? 0x80) >= 0x80) throw unsupported("a certificate's path length is not read");
  return octets[0] ?? 0;
}

export const digitalSignature = 0;
const keyCertSign = 5;

/** RFC 5280 4.2.1.3: bit 0 is the most significant of the first octet. No extension means no restriction. */
export function usageAllows(certificate: Certificate, bit: number): boolean {
  const usage = certificate.extensions.get(oids.keyUsage);
  if (usage === undefined) return true;
  const body = contents(expectTag(nested(usage.value), tags.bitString, "the key usage"));
  return ((body[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0;
}

export function extendedUsages(certificate: Certificate): readonly string[] {
  const usage = certificate.extensions.get(oids.extendedKeyUsage);
  return usage === undefined ? [] : inside(nested(usage.value)).map(oidText);
}
