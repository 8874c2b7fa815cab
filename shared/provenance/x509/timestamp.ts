import { hash } from "node:crypto";
import { signatureCheck, type SignatureCheck } from "../keys/signature-check.ts";
import { forged, unknownToTrust, unreadable, unsupported } from "../refusal.ts";
import { digestOfSignatureOid, extendedUsages, oids, parseCertificate, type Certificate } from "./certificate.ts";
import { contents, derTime, expectTag, inside, nested, oidText, readDer, tags, whole, type Der } from "./der.ts";
import { issuerOf, type Authority } from "./chain.ts";

/** A timestamp authority: its own certificate, verified, unless the timestamp is to bring it; and the chain above it. */
export interface TimestampAuthority {
  readonly leaf?: Certificate;
  readonly above: Authority;
}

/** RFC 3161: that `stamped` existed at the time a known authority says. The checks are still to be settled. */
export function readTimestamp(
  response: Buffer,
  stamped: Uint8Array,
  authorities: readonly TimestampAuthority[],
): { readonly at: number; readonly by: string; readonly checks: readonly SignatureCheck[] } {
  const data = signedData(response);
  const token = tokenOf(data.content);
  if (!hash(token.digest, stamped, "buffer").equals(token.imprint))
    throw forged("the timestamp was made for another signature");
  const { leaf, above, isVerified } = stamperOf(data, token.at, authorities);
  // RFC 3161 2.3: the certificate is for time stamping and nothing else, and says so in a way nobody may pass over.
  if (extendedUsages(leaf).join() !== timeStamping || leaf.extensions.get(oids.extendedKeyUsage)?.critical !== true)
    throw forged("the timestamp's certificate is not for time stamping");
  // The certificates beside the signature are not covered by it: only those that lead from it to the authority may stand there.
  if (data.certificates.some((der) => ![leaf, ...above.issuers].some((one) => one.der.equals(der))))
    throw unreadable("the timestamp carries certificates that play no part");
  if (!signedDigest(data, token.digestOfContent(data.digest)).equals(data.messageDigest))
    throw forged("the timestamp's content is not what was signed");
  const { checks } = issuerOf(leaf, [], [above], [token.at], timeStamping);
  const signed = signatureCheck(
    "the timestamp's signature",
    leaf.key,
    data.signedAttributes,
    data.signature,
    data.signatureDigest,
  );
  return { at: token.at, by: above.name, checks: isVerified ? [signed] : [signed, ...checks] };
}

const timeStamping = "1.3.6.1.5.5.7.3.8";

/** The certificate that the signer names by issuer and number: the trust document's, or one that a named authority issued. */
function stamperOf(
  { issuer, serial, certificates, signingCertificates: ids, signingCertificateDigest: algorithm }: SignedData,
  at: number,
  authorities: readonly TimestampAuthority[],
): { readonly leaf: Certificate; readonly above: Authority; readonly isVerified: boolean } {
  const brought = authorities.some(({ leaf }) => leaf === undefined) ? certificates.map(parseCertificate) : [];
  const named = authorities.flatMap(({ leaf, above }) =>
    (leaf === undefined ? brought : [leaf])
      .filter((one) => one.issuer.equals(issuer) && one.serial.equals(serial))
      .filter((one) => above.issuers.some(({ subject }) => subject.equals(one.issuer)))
      .map((one) => ({ leaf: one, above, isVerified: one === leaf })),
  );
  if (named.length === 0)
    throw unknownToTrust(
      "its timestamp comes from an authority that the trust document does not name",
      "a trust document that names this timestamp authority",
    );
  // Issuer and number are names: the signed digest of the certificate says which one it was.
  const signed = named.filter(({ leaf }) => ids.every((id) => id.equals(hash(algorithm, leaf.der, "buffer"))));
  const found = signed.find(({ above }) => at >= above.from && at <= above.until) ?? signed[0];
  if (found === undefined) throw forged("the timestamp names another certificate");
  return found;
}

const signedDigest = (data: SignedData, digest: Buffer): Buffer => {
  if (data.messageDigest.length !== digest.length) throw forged("the timestamp's content is not what was signed");
  return digest;
};

interface SignedData {
  readonly content: Buffer;
  readonly certificates: readonly Buffer[];
  readonly issuer: Buffer;
  readonly serial: Buffer;
  readonly digest: string;
  readonly messageDigest: Buffer;
  readonly signingCertificates: readonly Buffer[];
  readonly signingCertificateDigest: string;
  readonly signedAttributes: Buffer;
  readonly signature: Buffer;
  readonly signatureDigest: string | undefined;
}

/** RFC 3161 2.4.2 around RFC 5652 5.1, with exactly one signer. */
function signedData(response: Buffer): SignedData {
  if (response.length > maxTimestampBytes) throw unreadable(`a timestamp is larger than ${maxTimestampBytes} bytes`);
  const [status, info] = inside(expectTag(readDer(response), tags.sequence, "a timestamp response"));
  const [state] = inside(expectTag(status, tags.sequence, "the timestamp's status"));
  const granted = contents(expectTag(state, tags.integer, "the timestamp's status"))[0];
  if (granted !== 0 && granted !== 1) throw forged("the timestamp authority refused to stamp it");
  const [type, holder] = inside(expectTag(info, tags.sequence, "a timestamp token"));
  expectOid(type, "1.2.840.113549.1.7.2", "signed data");
  const fields = inside(expectTag(nested(expectTag(holder, 0xa0, "signed data")), tags.sequence, "signed data"));
  // RFC 5652 5.1 says version 3, because the content is of another type than plain data; GitHub's clock wrote 1 until 2024.
  if (!["01", "03"].includes(contents(expectTag(fields[0], tags.integer, "signed data")).toString("hex")))
    throw unsupported("the timestamp is of neither version 1 nor 3");
  const announced = inside(expectTag(fields[1], tags.set, "the timestamp's digests")).map((one) =>
    digestByOid(firstOf(one, "a digest")),
  );
  const [contentType, content] = inside(expectTag(fields[2], tags.sequence, "a timestamp's content"));
  expectOid(contentType, tstInfo, "a timestamp");
  const octets = expectTag(nested(expectTag(content, 0xa0, "a timestamp's content")), tags.octetString, "its content");
  const signers = inside(expectTag(fields.at(-1), tags.set, "the timestamp's signers"));
  const [signer] = signers;
  if (signer === undefined || signers.length !== 1) throw unreadable("a timestamp has one signer");
  const [certificates, another] = fields.slice(3, -1);
  if (another !== undefined || (certificates !== undefined && certificates.tag !== 0xa0))
    throw unsupported("the timestamp carries more than certificates");
  const by = signerOf(signer);
  if (!announced.includes(by.digest)) throw unreadable("the timestamp does not announce its signer's digest");
  return {
    content: contents(octets),
    certificates: certificates === undefined ? [] : inside(certificates).map(whole),
    ...by,
  };
}

const maxTimestampBytes = 64 * 1024;
const tstInfo = "1.2.840.113549.1.9.16.1.4";

/** RFC 5652 5.3 */
function signerOf(signer: Der): Omit<SignedData, "content" | "certificates"> {
  const [version, sid, digest, attributes, algorithm, signature] = inside(
    expectTag(signer, tags.sequence, "the timestamp's signer"),
  );
  if (contents(expectTag(version, tags.integer, "the signer's version"))[0] !== 1)
    throw unsupported("the timestamp names its signer by key");
  const [issuer, serial] = inside(expectTag(sid, tags.sequence, "the timestamp's signer"));
  const signed = inside(expectTag(attributes, 0xa0, "the timestamp's signed attributes"));
  const attribute = (name: string): Der | undefined => onlyValue(signed, name);
  expectOid(attribute("1.2.840.113549.1.9.3"), tstInfo, "the timestamp's content type");
  const v2 = attribute("1.2.840.113549.1.9.16.2.47");
  const named = v2 ?? attribute("1.2.840.113549.1.9.16.2.12");
  if (named === undefined) throw forged("the timestamp does not name its certificate");
  // RFC 5652 5.4: signed as a SET OF, whatever tag it travels under.
  const signedAttributes = Buffer.from(whole(expectTag(attributes, 0xa0, "the timestamp's signed attributes")));
  signedAttributes[0] = tags.set;
  const signatureAlgorithm = oidText(firstOf(algorithm, "the timestamp's signature algorithm"));
  const digestName = digestByOid(firstOf(digest, "the timestamp's digest algorithm"));
  return {
    issuer: whole(expectTag(issuer, tags.sequence, "the timestamp's issuer")),
    serial: contents(expectTag(serial, tags.integer, "the timestamp's serial number")),
    digest: digestName,
    messageDigest: contents(expectTag(attribute("1.2.840.113549.1.9.4"), tags.octetString, "the timestamp's digest")),
    ...signingCertificate(named, v2 !== undefined),
    signedAttributes,
    signature: contents(expectTag(signature, tags.octetString, "the timestamp's signature")),
    // RFC 5754 3.2: plain rsaEncryption takes the digest from beside it.
    signatureDigest:
      signatureAlgorithm === "1.2.840.113549.1.1.1" ? digestName : digestOfSignatureOid(signatureAlgorithm),
  };
}

function onlyValue(signed: readonly Der[], name: string): Der | undefined {
  const found = signed.map(inside).filter(([id]) => id !== undefined && oidText(id) === name);
  if (found.length > 1) throw unreadable("a timestamp's attribute appears twice");
  const values = found[0]?.[1];
  if (values === undefined) return undefined;
  const [value, second] = inside(expectTag(values, tags.set, "a timestamp's attribute"));
  if (second !== undefined) throw unreadable("a timestamp's attribute has two values");
  return value;
}

/** RFC 5816 2.2.1 and RFC 2634 5.4: the first identifier is the signer's certificate. */
function signingCertificate(
  named: Der,
  v2: boolean,
): Pick<SignedData, "signingCertificates" | "signingCertificateDigest"> {
  const [ids] = inside(named);
  const [first] = inside(expectTag(ids, tags.sequence, "the timestamp's certificate name"));
  const [a, b] = inside(expectTag(first, tags.sequence, "the timestamp's certificate name"));
  const algorithm = v2 && a?.tag === tags.sequence ? digestByOid(firstOf(a, "its algorithm")) : v2 ? "sha256" : "sha1";
  const digest = a?.tag === tags.octetString ? a : b;
  return {
    signingCertificates: [contents(expectTag(digest, tags.octetString, "the timestamp's certificate name"))],
    signingCertificateDigest: algorithm,
  };
}

interface Token {
  readonly at: number;
  readonly digest: string;
  readonly imprint: Buffer;
  readonly digestOfContent: (algorithm: string) => Buffer;
}

/** RFC 3161 2.4.2: TSTInfo. */
function tokenOf(content: Buffer): Token {
  const [version, , imprint, , time, ...optional] = inside(
    expectTag(readDer(content), tags.sequence, "a timestamp's content"),
  );
  // RFC 3161 2.4.2: accuracy, ordering, nonce and name do not move the time; a critical extension might.
  const extensions = optional.find(({ tag }) => tag === 0xa1);
  if (extensions !== undefined && inside(extensions).some((one) => inside(one)[1]?.tag === tags.boolean))
    throw unsupported("the timestamp has a critical extension");
  if (contents(expectTag(version, tags.integer, "a timestamp's version"))[0] !== 1)
    throw unsupported("a timestamp is not of version 1");
  const [algorithm, digest] = inside(expectTag(imprint, tags.sequence, "a timestamp's imprint"));
  return {
    at: derTime(expectTag(time, tags.generalizedTime, "the timestamp's time")),
    digest: digestByOid(firstOf(algorithm, "the imprint's algorithm")),
    imprint: contents(expectTag(digest, tags.octetString, "a timestamp's imprint")),
    digestOfContent: (name) => hash(name, content, "buffer"),
  };
}

/** RFC 5754 2: the parameters of a digest are absent or NULL; those of ECDSA are absent. */
function firstOf(der: Der | undefined, what: string): Der {
  const [name, parameters, extra] = inside(expectTag(der, tags.sequence, what));
  const empty = parameters === undefined || (parameters.tag === tags.null && parameters.body === parameters.end);
  if (!empty || extra !== undefined) throw unsupported(`${what} has parameters`);
  return expectTag(name, tags.oid, what);
}

function digestByOid(id: Der): string {
  const name = digests.get(oidText(id));
  if (name === undefined) throw unsupported(`the digest ${oidText(id)} is not accepted`);
  return name;
}

const digests: ReadonlyMap<string, string> = new Map([
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
]);

function expectOid(der: Der | undefined, name: string, what: string): void {
  if (oidText(expectTag(der, tags.oid, what)) !== name) throw unreadable(`this is not ${what}`);
}
