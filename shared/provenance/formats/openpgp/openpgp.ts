import type { KeyID, PublicKey, Signature } from "openpgp";
import { instant } from "../../../model/ids.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import { headText } from "../../document-head.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { Refusal, forged, unknownToTrust, unreadable, unsupported } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import type { Subject } from "../../subject.ts";
import type { Trust } from "../../trust.ts";
import { keysOf, library, type NamedKey } from "./keyring.ts";
import { listedDigests } from "./listed-digests.ts";

/**
 * OpenPGP: a detached signature over the file, or a clear-signed list of digests (SHA256SUMS, Release) that names the file. Keys count
 * as they stood when they signed: expiry and revocation are judged at the signature's own time and again at the time of the question.
 */
export const openpgpSignature: ProvenanceFormat<Trust> = {
  id: "openpgp",
  recognises: ({ bytes }) => isArmoured(bytes) || isPacket(bytes),
  read: (evidence, question) => reading(question, async () => [await claimIn(evidence, question)]),
  about: ({ bytes }) => (startOf(bytes).startsWith(cleartext) ? [{ digests: listedDigests(bytes) }] : [{}]),
};

const cleartext = "-----BEGIN PGP SIGNED MESSAGE-----";
const armour = "-----BEGIN PGP SIGNATURE-----";
const startOf = (bytes: Uint8Array): string => headText(bytes, 40);
const isArmoured = (bytes: Uint8Array): boolean => [cleartext, armour].some((one) => startOf(bytes).startsWith(one));

/** RFC 9580 4.2: a signature packet (tag 2), in the old or the new form of header, version 4 to 6. */
function isPacket(bytes: Uint8Array): boolean {
  const [head = 0] = bytes;
  return bytes.length > 20 && bytes.length < 64 * 1024 && (head === 0xc2 || (head & 0xfc) === 0x88);
}

async function claimIn(evidence: Evidence, question: Question<Trust>): Promise<Claim> {
  if (evidence.bytes.length > maxSignedBytes)
    throw unreadable(`a signed message is larger than ${maxSignedBytes} bytes`);
  const keys = await keysOf(question.trust.openpgp);
  const isCleartext = startOf(evidence.bytes).startsWith(cleartext);
  const signatures = isCleartext
    ? await clearSigned(evidence, question, keys)
    : await detached(evidence, question, keys);
  const { key, at, kind } = await firstThatHolds(signatures, keys, question.now);
  if (kind === "text" && !isCleartext) requireText(question.subject.bytes);
  const fingerprint = key.key.getFingerprint();
  const signer = { kind: "key", keyId: fingerprint.toUpperCase(), name: key.name, fingerprint } as const;
  const [from, until] = [instant(at), question.now];
  if (from > until + clockSkew)
    throw new Refusal("no-time-proof", "it was signed after the time it is judged at", "a clock that is right");
  // The time is the signer's own word: it is shown, and no window of a revocation rests on it.
  const facts = kind === "text" ? { covers: "the text, whatever ends its lines" } : {};
  const mediaType = "application/pgp-signature";
  return {
    ...claimOf(
      { format: "openpgp", signed: { signer, times: [], loggedIn: [] }, facts, mediaType },
      evidence,
      question,
    ),
    signedAt: from,
  };
}

/**
 * RFC 9580 5.2.1.2: a text signature is made with every line ending as CR LF, so it says nothing of the endings themselves. That is
 * harmless in text; in a program it would leave bytes open.
 */
function requireText(bytes: Uint8Array | undefined): void {
  const text = bytes === undefined ? undefined : utf8(bytes);
  if (text === undefined || text.includes("\0") || (text.includes("\r") && /[^\r]\n|^\n|\r(?!\n)/.test(text)))
    throw unsupported(
      "the OpenPGP signature is one for text and leaves the line endings open, and the file is no text",
    );
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const maxSignedBytes = 16 * 1024 * 1024;
const clockSkew = 5 * 60 * 1000;

/** What the library answers for each signature of a message. */
interface SignatureResult {
  readonly keyID: KeyID;
  readonly verified: Promise<true>;
  readonly signature: Promise<Signature>;
}

async function detached(
  { bytes }: Evidence,
  { subject, now }: Question<Trust>,
  keys: readonly NamedKey[],
): Promise<SignatureResult[]> {
  if (subject.bytes === undefined)
    throw new Refusal(
      "unreachable",
      "an OpenPGP signature is made over the file itself",
      "the bytes of the file, not its digest alone",
    );
  const { createMessage, readSignature, verify } = await library();
  const signature = isArmoured(bytes)
    ? await readSignature({ armoredSignature: Buffer.from(bytes).toString("utf8") })
    : await readSignature({ binarySignature: Uint8Array.from(bytes) });
  requireFew(signature.packets.length);
  const message = await createMessage({ binary: Uint8Array.from(subject.bytes) });
  const verified = await verify({
    message,
    signature,
    verificationKeys: keys.map(({ key }) => key),
    date: new Date(now),
    format: "binary",
  });
  return verified.signatures;
}

/** A signed list of digests: what `sha256sum`, its BSD form, and Debian's Release, .dsc and .changes write. */
async function clearSigned(
  { bytes }: Evidence,
  { subject, now }: Question<Trust>,
  keys: readonly NamedKey[],
): Promise<SignatureResult[]> {
  const text = utf8(bytes);
  // The library works on text, and would take two spellings that are not UTF-8 for one.
  if (text === undefined) throw unreadable("the clear-signed message is not UTF-8");
  // RFC 9580 7: nothing before the header or after the signature is signed, so nothing may stand there.
  if (!/-----END PGP SIGNATURE-----\s*$/.test(text)) throw unreadable("text follows the clear-signed message");
  const { readCleartextMessage, verify } = await library();
  const message = await readCleartextMessage({ cleartextMessage: text });
  const named = message
    .getText()
    .split("\n")
    .some((line) => lists(line, subject));
  if (!named) throw new Refusal("foreign", "the signed list does not name this file's digest");
  const verified = await verify({ message, verificationKeys: keys.map(({ key }) => key), date: new Date(now) });
  requireFew(verified.signatures.length);
  return verified.signatures;
}

/** The digest opens the line, or ends it after "SHA256 (name) = ". Anywhere else it may be said of the digest that it is bad. */
function lists(line: string, { sha256, sha512 }: Subject): boolean {
  const found =
    /^\s*([0-9a-f]{64}|[0-9a-f]{128})(?:\s.*)?$/i.exec(line) ?? /^SHA(?:256|512) \(.*\) = ([0-9a-f]+)$/i.exec(line);
  const digest = found?.[1]?.toLowerCase();
  return digest !== undefined && (digest === sha256 || digest === sha512);
}

function requireFew(count: number): void {
  if (count === 0) throw unreadable("the message carries no signature");
  if (count > maxSignatures) throw unreadable(`the message carries more than ${maxSignatures} signatures`);
}

const maxSignatures = 32;

/** One signature by a key of ours that holds is enough; one by a key of ours that does not is a forgery if none holds. */
async function firstThatHolds(
  signatures: readonly SignatureResult[],
  keys: readonly NamedKey[],
  now: number,
): Promise<{ readonly key: NamedKey; readonly at: number; readonly kind: "binary" | "text" }> {
  let failed: Refusal | undefined;
  for (const result of signatures)
    for (const key of keys.filter((one) => one.key.getKeys(result.keyID).length > 0))
      try {
        return { key, ...(await held(result, key, now)) };
      } catch (cause) {
        failed = refusalOf(cause);
      }
  if (failed !== undefined) throw failed;
  throw unknownToTrust(
    "it is signed by OpenPGP keys that the trust document does not hold",
    "the publisher's OpenPGP key",
  );
}

async function held(
  { keyID, verified, signature }: SignatureResult,
  { key }: NamedKey,
  now: number,
): Promise<{ readonly at: number; readonly kind: "binary" | "text" }> {
  const { packets } = await signature;
  const [packet] = packets;
  // RFC 9580 5.2.1: every other type is made over something else than a document, a standalone one over nothing at all.
  const kind = kinds.get(Number(packet?.signatureType));
  if (kind === undefined) throw unsupported("an OpenPGP signature of this type is not made over a document");
  await verified;
  // The signature's own time is the signer's word: the key that made it has to be good now as well, subkeys too.
  await key.getSigningKey(keyID, new Date(now)).catch((cause: unknown) => {
    throw wasRetired(key, keyID, cause) ? retired : cause;
  });
  const at = packet?.created?.getTime();
  if (at === undefined) throw forged("the OpenPGP signature has no time of signing");
  return { at, kind };
}

/**
 * RFC 9580 5.2.3.31: superseded and retired keys were good until then, unlike those that were stolen. So a signature may be from before,
 * which only a proof of the time could show.
 */
function wasRetired(key: PublicKey, keyID: KeyID, cause: unknown): boolean {
  if (!(cause instanceof Error) || !/revoked/i.test(cause.message)) return false;
  const revocations = [
    ...key.revocationSignatures,
    ...key.subkeys.filter((one) => one.getKeyID().equals(keyID)).flatMap((one) => one.revocationSignatures),
  ];
  return revocations.length > 0 && revocations.every((one) => softReasons.has(Number(one.reasonForRevocationFlag)));
}

/** 1: superseded; 3: retired. */
const softReasons: ReadonlySet<number> = new Set([1, 3]);
const retired = new Refusal(
  "no-time-proof",
  "the OpenPGP key was retired, and nothing proves that it signed before",
  "a signature by the publisher's current key",
);

const kinds: ReadonlyMap<number, "binary" | "text"> = new Map([
  [0x00, "binary"],
  [0x01, "text"],
]);

/** The library tells an expired or revoked key from a broken signature by its message alone. */
function refusalOf(cause: unknown): Refusal {
  if (cause instanceof Refusal) return cause;
  const message = cause instanceof Error ? cause.message : "it does not verify";
  if (/revoked/i.test(message)) return new Refusal("revoked", `the OpenPGP key or signature was revoked: ${message}`);
  if (/signature is expired/i.test(message))
    return new Refusal("no-time-proof", "the OpenPGP signature has expired", "a newer signature by its publisher");
  if (/expired/i.test(message))
    return new Refusal(
      "no-time-proof",
      `the OpenPGP key has expired: ${message}`,
      "a timestamp from before the key's end",
    );
  if (/insecure|not supported|unsupported/i.test(message))
    return unsupported(`the OpenPGP signature is not accepted: ${message}`);
  if (/creation time is in the future/i.test(message))
    return new Refusal("no-time-proof", "it was signed after the time it is judged at", "a clock that is right");
  return forged(`the OpenPGP signature does not hold: ${message}`);
}
