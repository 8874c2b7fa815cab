import { hash, timingSafeEqual } from "node:crypto";
import { preAuthEncoding } from "../intoto/envelope.ts";
import { holdsOverDigest, holdsPrehashed } from "../keys/over-digest.ts";
import type { PublicKey } from "../keys/public-key.ts";
import { signatureCheck, type SignatureCheck } from "../keys/signature-check.ts";
import { forged, Refusal, unknownToTrust, unreadable } from "../refusal.ts";
import type { Subject } from "../subject.ts";
import type { KeyUse, PlainKey, Trust } from "../trust.ts";
import { parseCertificate, type Certificate } from "../x509/certificate.ts";
import { issuerOf } from "../x509/chain.ts";
import { stampChecks } from "../x509/signed-certificate-timestamp.ts";
import { readTimestamp } from "../x509/timestamp.ts";
import type { Bundle, Content } from "./bundle.ts";
import { digestName, requireSameEntry } from "./entry-body.ts";
import { readLogging, type Logging } from "./log.ts";
import { certificateSigner, codeSigning, type Signer } from "./signer.ts";

/** A signature as its bundle tells it. True only once every check in `checks` was settled. */
export interface SignedContent {
  readonly signer: Signer;
  /** When, by whose word; the earliest first. Empty only for a key that the owner trusts without limit of time. */
  readonly times: readonly { readonly at: number; readonly by: string }[];
  readonly loggedIn: readonly { readonly log: string; readonly index: bigint }[];
  readonly checks: readonly SignatureCheck[];
}

/**
 * Everything @sigstore/verify checks, and what it leaves to its caller apart from identity and subject: the signer inside the log
 * entry, both indexes of an entry without promise, unused certificates, and that no key vouches outside its window.
 */
export function readSignature(
  bundle: Bundle,
  subject: Subject,
  trust: Trust,
  now: number,
  use: KeyUse = "bundle",
): SignedContent {
  const roots = trust.sigstore;
  const leaf = "certificates" in bundle.signer ? parseCertificate(bundle.signer.certificates[0]) : undefined;
  const plain = "hint" in bundle.signer ? keyNamed(bundle.signer.hint, bundle.content, trust, use) : undefined;
  requireDistinct(bundle);
  const stamps = bundle.timestamps.map((one) =>
    readTimestamp(one, signatureBytes(bundle.content), roots.timestampAuthorities),
  );
  const stamped = stamps.map(({ at }) => at);
  const entries = bundle.entries.map((entry) => ({ entry, logging: readLogging(entry, roots.logs, stamped, now) }));
  const times = [...entries.flatMap(({ logging }) => timeOf(logging)), ...stamps].sort((a, b) => a.at - b.at);
  if (times.some(({ at }) => at > now + clockSkew))
    throw new Refusal(
      "no-time-proof",
      "it was signed after the time it is judged at",
      "a clock that is right, or a later time",
    );
  const key = leaf?.key ?? plain?.key;
  if (key === undefined) throw unreadable("the bundle names no signer");
  const logged: Buffer = leaf?.der ?? key.spki;
  for (const { entry } of entries) requireSameEntry(entry, bundle.content, { der: logged });
  if (leaf !== undefined) requireNoOtherKey(leaf, bundle.content);
  const who =
    leaf === undefined ? { checks: [], withoutLog: plain?.withoutLog } : certificateOf(leaf, bundle, trust, times);
  if (entries.length === 0 && who.withoutLog !== true)
    throw new Refusal("unreachable", "no transparency log entry comes with it", "the log entry of this signature");
  if (plain !== undefined) requireInWindow(plain, times, now);
  const checks = [
    ...contentChecks(bundle.content, key, subject),
    ...entries.flatMap(({ logging }) => logging.checks),
    ...stamps.flatMap((stamp) => stamp.checks),
    ...who.checks,
  ];
  const signer = "signer" in who ? who.signer : keySigner(plain);
  return {
    signer,
    times: times.map(({ at, by }) => ({ at, by })),
    loggedIn: entries.map(({ entry, logging }) => ({ log: logging.log.name, index: entry.logIndex })),
    checks,
  };
}

/** Clocks of signer and judge may differ by this much. */
const clockSkew = 5 * 60 * 1000;

const timeOf = ({ at, log }: Logging): readonly { at: number; by: string }[] =>
  at === undefined ? [] : [{ at, by: log.name }];

/** The same entry or timestamp twice adds nothing, and would count twice against a threshold. */
function requireDistinct({ entries, timestamps }: Bundle): void {
  if (entries.length < 2 && timestamps.length < 2) return;
  const once = new Set([
    ...entries.map(({ logId, body }) => `${logId.toString("hex")} ${hash("sha256", body, "hex")}`),
    ...timestamps.map((one) => hash("sha256", one, "hex")),
  ]);
  if (once.size !== entries.length + timestamps.length)
    throw unreadable("the bundle brings the same log entry or timestamp twice");
}

function certificateOf(leaf: Certificate, bundle: Bundle, trust: Trust, times: readonly { readonly at: number }[]) {
  if (times.length === 0)
    throw new Refusal(
      "no-time-proof",
      "nothing proves when it was signed",
      "a log's promise of inclusion or a timestamp",
    );
  const between = "certificates" in bundle.signer ? bundle.signer.certificates.slice(1) : [];
  const at = times.map((time) => time.at);
  const { authority, issuer, checks } = issuerOf(leaf, between, trust.sigstore.authorities, at, codeSigning);
  const signer = certificateSigner(leaf, authority.name);
  const stamps = authority.withoutLogs === true ? [] : stampChecks(leaf, issuer, trust.sigstore.certificateLogs);
  return { signer, checks: [...checks, ...stamps], withoutLog: authority.withoutLogs };
}

function contentChecks(content: Content, key: PublicKey, subject: Subject): readonly SignatureCheck[] {
  if (content.kind === "envelope") {
    const [first] = content.envelope.signatures;
    const check = signatureCheck("the signature", key, preAuthEncoding(content.envelope), first.signature);
    // cosign signed with SHA-256 whatever the curve, until the algorithm registry paired them.
    return [check.slow ? { ...check, orDigest: "sha256" } : check];
  }
  const algorithm = digestName(content.algorithm);
  const digest = digestOfSubject(subject, algorithm);
  if (digest.length !== content.digest.length || !timingSafeEqual(digest, content.digest))
    throw new Refusal("foreign", "it is a signature of another file");
  if (key.scheme === "ed25519" && subject.bytes !== undefined && holdsPrehashed(key, subject.bytes, content.signature))
    return [];
  if (subject.bytes !== undefined) {
    const check = signatureCheck("the signature", key, subject.bytes, content.signature);
    // The digest beside the signature need not be the one that the key signs with.
    return [key.scheme === "ed25519" || check.digest === algorithm ? check : { ...check, orDigest: algorithm }];
  }
  if (!holdsOverDigest(key, algorithm, digest, content.signature)) throw forged("the signature does not verify");
  return [];
}

function digestOfSubject(subject: Subject, algorithm: string): Buffer {
  if (subject.bytes !== undefined) return hash(algorithm, subject.bytes, "buffer");
  if (algorithm === "sha256") return Buffer.from(subject.sha256, "hex");
  if (algorithm === "sha512" && subject.sha512 !== undefined) return Buffer.from(subject.sha512, "hex");
  throw new Refusal(
    "unreachable",
    `it signs the file's ${algorithm}, which was not computed`,
    `the file's ${algorithm}`,
  );
}

const signatureBytes = (content: Content): Uint8Array =>
  content.kind === "message" ? content.signature : (content.source ?? content.envelope.signatures[0].signature);

/** DSSE's key id is a hint. Beside a certificate it is empty or names that certificate's key, else it hints at somebody else. */
function requireNoOtherKey(leaf: Certificate, content: Content): void {
  const keyId = content.kind === "envelope" ? content.envelope.signatures[0].keyId : "";
  if (keyId !== "" && keyId.toLowerCase() !== leaf.key.fingerprint)
    throw forged("the envelope names another key than its certificate");
}

/**
 * A managed key is found by the bundle's hint: the id the owner gave the key, or the base64 of its SHA-256, which cosign writes. An
 * envelope may repeat the hint or say nothing, except in formats whose registry always says it.
 */
function keyNamed(hint: string, content: Content, trust: Trust, use: KeyUse): PlainKey {
  const keyId = content.kind === "envelope" ? content.envelope.signatures[0].keyId : hint;
  if (keyId === "" && use === "npm:attestations")
    throw new Refusal(
      "unsupported",
      "the envelope does not say which key signed it",
      "an envelope whose key id equals the bundle's hint",
    );
  if (keyId !== "" && keyId !== hint) throw forged("the envelope names another key than the bundle");
  const key = trust.keys.find((one) => one.uses.has(use) && (one.id === hint || hintOf(one.key) === hint));
  if (key === undefined)
    throw unknownToTrust(
      `it is signed by the key ${hint.slice(0, 100)}, which the trust document does not hold`,
      "the publisher's public key",
    );
  return key;
}

const hintOf = (key: PublicKey): string => Buffer.from(key.fingerprint, "hex").toString("base64");

export function requireInWindow(key: PlainKey, times: readonly { readonly at: number }[], now: number): void {
  const bounded = key.from > Number.NEGATIVE_INFINITY || key.until < Number.POSITIVE_INFINITY;
  const at = times.length > 0 ? times.map((time) => time.at) : [now];
  if (at.every((time) => time >= key.from && time <= key.until)) return;
  if (bounded && times.length === 0)
    throw new Refusal(
      "no-time-proof",
      "its key has expired and nothing proves when it was signed",
      "a timestamp from before the key's end",
    );
  throw forged("its key was not valid at the time of signing");
}

function keySigner(plain: PlainKey | undefined): Signer {
  if (plain === undefined) throw unreadable("the bundle names no signer");
  return { kind: "key", keyId: plain.id, name: plain.name, fingerprint: plain.key.fingerprint };
}
