import { signatureCheck, type SignatureCheck } from "../keys/signature-check.ts";
import type { PublicKey } from "../keys/public-key.ts";
import { forged, unknownToTrust, unreadable, unsupported } from "../refusal.ts";
import { oids, type Certificate } from "./certificate.ts";
import { contents, derHeader, expectTag, inside, nested, tags, whole } from "./der.ts";

/** A certificate log (RFC 6962) that the trust document names. */
export interface CertificateLog {
  readonly name: string;
  readonly id: Buffer;
  readonly key: PublicKey;
  readonly from: number;
  readonly until: number;
}

/**
 * RFC 6962 3.3: the stamps inside the certificate. At least one must come from a known log, and each from a known log must hold.
 */
export function stampChecks(
  leaf: Certificate,
  issuer: Certificate,
  logs: readonly CertificateLog[],
): readonly SignatureCheck[] {
  const extension = leaf.extensions.get(oids.signedTimestamps);
  if (extension === undefined) throw forged("its certificate carries no certificate-log timestamp");
  const stamps = stampsOf(contents(expectTag(nested(extension.value), tags.octetString, "the log timestamps")));
  const precertificate = withoutStamps(leaf);
  const issuerKey = Buffer.from(issuer.key.fingerprint, "hex");
  const known = stamps.flatMap((stamp) => {
    const named = logs.filter((one) => one.id.equals(stamp.log));
    if (named.length === 0) return [];
    const log = named.find(({ from, until }) => stamp.at >= from && stamp.at <= until);
    if (log === undefined) throw forged("its certificate was logged when that log was not trusted");
    return [
      signatureCheck(
        "the certificate log's timestamp",
        log.key,
        signedPart(stamp, issuerKey, precertificate),
        stamp.signature,
      ),
    ];
  });
  if (new Set(stamps.map((stamp) => stamp.log.toString("hex"))).size !== stamps.length)
    throw forged("its certificate carries two timestamps of one log");
  if (known.length === 0)
    throw unknownToTrust(
      "its certificate was logged by a certificate log that the trust document does not name",
      "a trust document that names this certificate log",
    );
  return known;
}

interface Stamp {
  readonly log: Buffer;
  readonly at: number;
  readonly time: Buffer;
  readonly extensions: Buffer;
  readonly signature: Buffer;
}

/** RFC 6962 3.3: SerializedSCT list<1..2^16-1>, each with its own length. */
function stampsOf(list: Buffer): readonly Stamp[] {
  if (list.length < 2 || list.readUInt16BE(0) !== list.length - 2)
    throw unreadable("the log timestamps have a wrong length");
  const stamps: Stamp[] = [];
  for (let at = 2; at < list.length;) {
    if (at + 2 > list.length || stamps.length === maxStamps) throw unreadable("the log timestamps are malformed");
    const length = list.readUInt16BE(at);
    stamps.push(stampOf(list.subarray(at + 2, at + 2 + length), length));
    at += 2 + length;
  }
  return stamps;
}

const maxStamps = 8;

/** RFC 6962 3.2 */
function stampOf(bytes: Buffer, length: number): Stamp {
  if (bytes.length !== length || length < 47) throw unreadable("a log timestamp ends early");
  if (bytes[0] !== 0) throw unsupported("a log timestamp is not of version 1");
  const extensionLength = bytes.readUInt16BE(41);
  const rest = bytes.subarray(43 + extensionLength);
  if (rest.length < 4 || rest.readUInt16BE(2) !== rest.length - 4) throw unreadable("a log timestamp ends early");
  // RFC 5246 7.4.1.4.1: SHA-256 with ECDSA (3) or RSA (1).
  if (rest[0] !== 4 || (rest[1] !== 3 && rest[1] !== 1)) throw unsupported("a log timestamp uses another algorithm");
  return {
    log: bytes.subarray(1, 33),
    time: bytes.subarray(33, 41),
    at: Number(bytes.readBigUInt64BE(33)),
    extensions: bytes.subarray(41, 43 + extensionLength),
    signature: rest.subarray(4),
  };
}

/** RFC 6962 3.2: digitally-signed struct over a precert_entry. */
function signedPart(stamp: Stamp, issuerKey: Buffer, precertificate: Buffer): Buffer {
  const length = Buffer.alloc(3);
  length.writeUIntBE(precertificate.length, 0, 3);
  const versionAndType = Buffer.from([0, 0]);
  const precertEntry = Buffer.from([0, 1]);
  return Buffer.concat([versionAndType, stamp.time, precertEntry, issuerKey, length, precertificate, stamp.extensions]);
}

/** RFC 6962 3.2: the TBSCertificate as it was before the log's stamp was put in, with all lengths around it rewritten. */
function withoutStamps(leaf: Certificate): Buffer {
  const fields = inside(leaf.tbs);
  const kept = fields.map((field) => {
    if (field.tag !== 0xa3) return whole(field);
    const others = inside(nested(field)).filter(
      (one) => one.start !== leaf.extensions.get(oids.signedTimestamps)?.element.start,
    );
    return element(0xa3, [element(tags.sequence, others.map(whole))]);
  });
  return element(tags.sequence, kept);
}

function element(tag: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([derHeader(tag, length), ...parts]);
}
