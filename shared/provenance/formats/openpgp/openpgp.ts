import type { KeyID, PublicKey, Signature } from "openpgp";
import { instant } from "../../../model/ids.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { Refusal, forged, unknownToTrust, unreadable } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import { listedDigests } from "./listed-digests.ts";
import type { OpenPgpKeyring, Trust } from "../../trust.ts";

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

/** A third of a megabyte of program that an agent without OpenPGP evidence never needs. */
const library = (): Promise<typeof import("openpgp")> => import("openpgp");

const cleartext = "-----BEGIN PGP SIGNED MESSAGE-----";
const armour = "-----BEGIN PGP SIGNATURE-----";
const startOf = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 40)).toString("latin1");
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
  const signatures = startOf(evidence.bytes).startsWith(cleartext)
    ? await clearSigned(evidence, question, keys)
    : await detached(evidence, question, keys);
  const { key, at } = await firstThatHolds(signatures, keys, question.now);
  const fingerprint = key.key.getFingerprint();
  const signer = { kind: "key", keyId: fingerprint.toUpperCase(), name: key.name, fingerprint } as const;
  const [from, until] = [instant(at), question.now];
  if (from > until + clockSkew)
    throw new Refusal("no-time-proof", "it was signed after the time it is judged at", "a clock that is right");
  // The time is the signer's own word: it is shown, and no window of a revocation rests on it.
  return {
    ...claimOf({ format: "openpgp", signed: { signer, times: [], loggedIn: [] } }, evidence, question),
    signedAt: from,
  };
}

const maxSignedBytes = 16 * 1024 * 1024;
const clockSkew = 5 * 60 * 1000;

/** What the library answers for each signature of a message. */
interface SignatureResult {
  readonly keyID: KeyID;
  readonly verified: Promise<true>;
  readonly signature: Promise<Signature>;
}

interface NamedKey {
  readonly name: string;
  readonly key: PublicKey;
}

async function keysOf(keyrings: readonly OpenPgpKeyring[]): Promise<readonly NamedKey[]> {
  const read = await Promise.all(keyrings.map(keysIn));
  return read.flat();
}

/** Parsing a keyring costs milliseconds; a trust version is asked many times. */
const parsedKeyrings = new WeakMap<OpenPgpKeyring, Promise<readonly NamedKey[]>>();

function keysIn(keyring: OpenPgpKeyring): Promise<readonly NamedKey[]> {
  const known = parsedKeyrings.get(keyring);
  if (known !== undefined) return known;
  const reading = parseKeyring(keyring);
  parsedKeyrings.set(keyring, reading);
  return reading;
}

async function parseKeyring({ name, base64, fingerprints }: OpenPgpKeyring): Promise<readonly NamedKey[]> {
  const { readKeys } = await library();
  const bytes = Buffer.from(base64, "base64");
  const armoured = bytes.subarray(0, 5).toString("latin1") === "-----";
  const keys = armoured
    ? await readKeys({ armoredKeys: bytes.toString("utf8") })
    : await readKeys({ binaryKeys: Uint8Array.from(bytes) });
  return keys
    .filter((key) => fingerprints.length === 0 || fingerprints.includes(key.getFingerprint().toUpperCase()))
    .map((key) => ({ name, key: key.toPublic() }));
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

/** The digest stands on a line of the signed text, alone or before a name: what `sha256sum` and Debian's Release write. */
async function clearSigned(
  { bytes }: Evidence,
  { subject, now }: Question<Trust>,
  keys: readonly NamedKey[],
): Promise<SignatureResult[]> {
  const text = Buffer.from(bytes).toString("utf8");
  // RFC 9580 7: nothing before the header or after the signature is signed, so nothing may stand there.
  if (!/-----END PGP SIGNATURE-----\s*$/.test(text)) throw unreadable("text follows the clear-signed message");
  const { readCleartextMessage, verify } = await library();
  const message = await readCleartextMessage({ cleartextMessage: text });
  const signed = message.getText();
  const lines = signed.split("\n").map((line) => line.trim().split(/\s+/));
  const named = lines.some(
    (words) => words.includes(subject.sha256) || (subject.sha512 !== undefined && words.includes(subject.sha512)),
  );
  if (!named) throw new Refusal("foreign", "the signed list does not name this file's digest");
  const verified = await verify({ message, verificationKeys: keys.map(({ key }) => key), date: new Date(now) });
  requireFew(verified.signatures.length);
  return verified.signatures;
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
): Promise<{ readonly key: NamedKey; readonly at: number }> {
  let failed: Refusal | undefined;
  for (const { keyID, verified, signature } of signatures) {
    const key = keys.find((one) => one.key.getKeys(keyID).length > 0);
    if (key === undefined) continue;
    try {
      await verified;
      await key.key.verifyPrimaryKey(new Date(now));
      const { packets } = await signature;
      const at = packets[0]?.created?.getTime();
      if (at !== undefined && at !== null) return { key, at };
      failed = forged("the OpenPGP signature has no time of signing");
    } catch (cause) {
      failed = refusalOf(cause instanceof Error ? cause.message : "it does not verify");
    }
  }
  if (failed !== undefined) throw failed;
  throw unknownToTrust(
    "it is signed by OpenPGP keys that the trust document does not hold",
    "the publisher's OpenPGP key",
  );
}

/** The library tells an expired or revoked key from a broken signature by its message alone. */
function refusalOf(message: string): Refusal {
  if (/revoked/i.test(message)) return new Refusal("revoked", `the OpenPGP key or signature was revoked: ${message}`);
  if (/expired/i.test(message))
    return new Refusal(
      "no-time-proof",
      `the OpenPGP key has expired: ${message}`,
      "a timestamp from before the key's end",
    );
  return forged(`the OpenPGP signature does not hold: ${message}`);
}
