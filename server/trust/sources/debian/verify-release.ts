import { type Release, readRelease } from "@provost/shared/ecosystems/deb/release.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import type { Instant } from "@provost/shared/model/ids.ts";
import { createMessage, type Key, readCleartextMessage, readSignature, verify } from "openpgp";
import { allowsSigner, type Keyring } from "./keyring.ts";

export interface Signer {
  /** The primary key's fingerprint in upper-case hex. */
  readonly fingerprint: string;
  readonly name: string;
  readonly signedWith: string;
}

/** The bytes as they came: one clear-signed document, or a Release beside its detached signature. */
export type SignedRelease =
  | { readonly form: "inline"; readonly inRelease: Buffer }
  | { readonly form: "detached"; readonly release: Buffer; readonly signature: Buffer };

export type ReleaseRefusal =
  | "malformed"
  | "forged"
  | "unknown-key"
  | "expired-key"
  | "revoked-key"
  | "not-yet-valid"
  | "rollback";
export type ReleaseVerification =
  | {
      readonly kind: "verified";
      readonly release: Release;
      readonly signers: readonly [Signer, ...Signer[]];
      readonly notes: readonly string[];
    }
  | { readonly kind: "refused"; readonly reason: ReleaseRefusal; readonly says: string }
  | { readonly kind: "stale"; readonly says: string; readonly wanted: string };

export interface ReleaseTrust {
  readonly keyring: Keyring;
  readonly fingerprints: readonly string[];
  readonly now: Instant;
  /** The Date of the newest Release ever accepted from this archive under these keys. */
  readonly newestSeen: Instant | undefined;
}

/** apt allows ten seconds; archives and servers with clocks an hour apart are no attack. */
export const maxClockSkew = 60 * 60_000;
const maxSignatures = 20;

/** Signature first, then the text that the signature covers, then its times. Nothing outside the signed text is read. */
export async function verifyRelease(signed: SignedRelease, trust: ReleaseTrust): Promise<ReleaseVerification> {
  const checked = await checkSignatures(signed, trust);
  if (checked.kind !== "signed") return checked;
  const reading = readRelease(checked.text);
  if (reading.kind === "malformed") return refused("malformed", `the signed Release is malformed: ${reading.why}`);
  return judgeTimes(reading.release, checked, trust);
}

interface Signed {
  readonly kind: "signed";
  readonly text: string;
  readonly signers: readonly [Signer, ...Signer[]];
  readonly notes: readonly string[];
}

async function checkSignatures(signed: SignedRelease, trust: ReleaseTrust): Promise<Signed | ReleaseVerification> {
  if (trust.keyring.keys.length === 0)
    return refused("unknown-key", `the device names no readable key for this archive${listed(trust.keyring.problems)}`);
  const opened = await open(signed, [...trust.keyring.keys], trust.now);
  if ("kind" in opened) return opened;
  if (opened.signatures.length > maxSignatures) return refused("malformed", `more than ${maxSignatures} signatures`);
  const outcomes = await Promise.all(opened.signatures.map((signature) => judge(signature, trust)));
  // apt refuses a Release with one bad signature of a known key, however many good ones stand beside it.
  const bad = outcomes.find((outcome) => outcome.kind === "bad");
  if (bad !== undefined) return refused("forged", bad.says);
  const [first, ...more] = outcomes.flatMap((outcome) => (outcome.kind === "good" ? [outcome.signer] : []));
  const notes = outcomes.flatMap((outcome) => (outcome.kind === "good" ? [] : [outcome.says]));
  if (first !== undefined) return { kind: "signed", text: opened.text, signers: [first, ...more], notes };
  return withoutGood(outcomes, trust);
}

function withoutGood(outcomes: readonly Outcome[], trust: ReleaseTrust): ReleaseVerification {
  const lapsed = outcomes.find((outcome) => outcome.kind === "lapsed");
  if (lapsed !== undefined)
    return {
      kind: "stale",
      says: lapsed.says,
      wanted: "a newer keyring on the device (apt-get install --only-upgrade the archive's keyring package)",
    };
  const future = outcomes.find((outcome) => outcome.kind === "future");
  if (future !== undefined) return refused("not-yet-valid", future.says);
  for (const kind of ["revoked-key", "expired-key"] as const) {
    const outcome = outcomes.find((candidate) => candidate.kind === kind);
    if (outcome !== undefined && outcome.kind !== "good") return refused(kind, outcome.says);
  }
  const says = outcomes.map((outcome) => (outcome.kind === "good" ? "" : outcome.says)).join("; ");
  return refused(
    "unknown-key",
    `no key that the device trusts for this archive signed it: ${says || "no signature"}${listed(trust.keyring.problems)}`,
  );
}

interface Opened {
  readonly text: string;
  readonly signatures: readonly OpenSignature[];
}
type OpenSignature = Awaited<ReturnType<typeof verify>>["signatures"][number];

async function open(signed: SignedRelease, keys: Key[], now: Instant): Promise<Opened | ReleaseVerification> {
  try {
    return signed.form === "inline"
      ? await openInline(signed.inRelease, keys, now)
      : await openDetached(signed, keys, now);
  } catch (error) {
    return refused("malformed", `not an OpenPGP-signed Release: ${message(error)}`);
  }
}

async function openInline(bytes: Buffer, keys: Key[], now: Instant): Promise<Opened | ReleaseVerification> {
  const text = utf8.decode(bytes);
  const problem = framing(text);
  if (problem !== undefined) return refused("malformed", problem);
  const cleartextMessage = await readCleartextMessage({ cleartextMessage: text });
  const { data, signatures } = await verify({
    message: cleartextMessage,
    verificationKeys: keys,
    date: new Date(now + maxClockSkew),
  });
  return { text: data, signatures };
}

async function openDetached(
  signed: Extract<SignedRelease, { form: "detached" }>,
  keys: Key[],
  now: Instant,
): Promise<Opened> {
  const armoured = signed.signature.toString("latin1").startsWith("-----BEGIN PGP SIGNATURE-----");
  const signature = armoured
    ? await readSignature({ armoredSignature: signed.signature.toString("latin1") })
    : await readSignature({ binarySignature: signed.signature });
  const message = await createMessage({ binary: new Uint8Array(signed.release) });
  const { signatures } = await verify({
    message,
    signature,
    verificationKeys: keys,
    date: new Date(now + maxClockSkew),
    format: "binary",
  });
  return { text: utf8.decode(signed.release), signatures };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** RFC 9580 7: exactly one signed message that fills the whole file, so that no unsigned line can be taken for a signed one. */
function framing(text: string): string | undefined {
  const lines = text.split(/\r?\n/);
  const marks = lines.filter((line) => line.startsWith("-----")).map((line) => line.trimEnd());
  const wanted = ["-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----"];
  if (lines[0]?.trimEnd() !== wanted[0]) return "it does not begin with a clear-signed message";
  if (marks.length !== 3 || marks.some((mark, at) => mark !== wanted[at]))
    return "it is not exactly one clear-signed message";
  return lines.slice(lines.findIndex((line) => line.startsWith("-----END")) + 1).some((line) => line.trim() !== "")
    ? "text follows the signed message"
    : undefined;
}

type Outcome =
  | { readonly kind: "good"; readonly signer: Signer }
  | { readonly kind: "bad"; readonly says: string }
  | { readonly kind: "unknown"; readonly says: string }
  | { readonly kind: "lapsed"; readonly says: string }
  | { readonly kind: "future"; readonly says: string }
  | { readonly kind: "expired-key"; readonly says: string }
  | { readonly kind: "revoked-key"; readonly says: string };

async function judge(signature: OpenSignature, trust: ReleaseTrust): Promise<Outcome> {
  const id = signature.keyID.toHex().toUpperCase();
  const key = trust.keyring.keys.find((candidate) => candidate.getKeys(signature.keyID).length > 0);
  const part = key?.getKeys(signature.keyID)[0];
  if (key === undefined || part === undefined)
    return { kind: "unknown", says: `signed by the key ${id}, which the device does not trust for it` };
  const fingerprint = key.getFingerprint().toUpperCase();
  const signedWith = part.getFingerprint().toUpperCase();
  if (!allowsSigner(signedWith, fingerprint, trust.fingerprints))
    return { kind: "unknown", says: `signed by ${signedWith}, which Signed-By does not name` };
  const name = safeText(key.getUserIDs()[0] ?? "a key without a name").slice(0, 300);
  try {
    await signature.verified;
  } catch (error) {
    return failed(message(error), `${name} (${fingerprint})`);
  }
  const now = new Date(trust.now);
  if (await key.isRevoked(undefined, undefined, now))
    return { kind: "revoked-key", says: `the key ${name} (${fingerprint}) is revoked` };
  try {
    await key.getSigningKey(signature.keyID, now);
  } catch (error) {
    const says = message(error);
    if (/revoked/i.test(says)) return { kind: "revoked-key", says: `the key ${name} (${fingerprint}) is revoked` };
    return {
      kind: "lapsed",
      says: `the key ${name} (${fingerprint}) signed it while it was valid and has expired since: ${says}`,
    };
  }
  return { kind: "good", signer: { fingerprint, name, signedWith } };
}

/** openpgp tells why by message alone; whatever is not known to be about time or strength is a forgery. */
function failed(why: string, signer: string): Outcome {
  if (/signature creation time is in the future/i.test(why))
    return { kind: "future", says: `${signer} signed it in the future, by the server's clock` };
  if (/revoked/i.test(why)) return { kind: "revoked-key", says: `the key ${signer} is revoked` };
  if (/key is expired|valid signing key|could not find valid/i.test(why))
    return { kind: "expired-key", says: `the key ${signer} was not valid when it signed: ${why}` };
  if (/signature is expired/i.test(why)) return { kind: "lapsed", says: `the signature of ${signer} has expired` };
  return { kind: "bad", says: `a signature of ${signer} does not verify: ${why}` };
}

function judgeTimes(release: Release, signed: Signed, trust: ReleaseTrust): ReleaseVerification {
  const { now, newestSeen } = trust;
  if (release.date > now + maxClockSkew)
    return refused("not-yet-valid", `its Date ${iso(release.date)} lies in the future`);
  if (newestSeen !== undefined && release.date < newestSeen)
    return refused(
      "rollback",
      `its Date ${iso(release.date)} is older than ${iso(newestSeen)}, which this archive has already shown`,
    );
  if (release.validUntil !== undefined && release.validUntil < now)
    return {
      kind: "stale",
      says: `the archive's Release was valid until ${iso(release.validUntil)}`,
      wanted: "a Release that the archive signed again (a mirror that is up to date, or the server's clock)",
    };
  const notes =
    release.validUntil === undefined
      ? ["the Release carries no Valid-Until, so a frozen mirror cannot be noticed by it"]
      : [];
  return { kind: "verified", release, signers: signed.signers, notes: [...signed.notes, ...notes] };
}

const iso = (at: number): string => new Date(at).toISOString();
const listed = (problems: readonly string[]): string => (problems.length === 0 ? "" : ` (${problems.join("; ")})`);
const message = (error: unknown): string =>
  safeText(error instanceof Error ? error.message : String(error)).slice(0, 500);
const refused = (reason: ReleaseRefusal, says: string): ReleaseVerification => ({ kind: "refused", reason, says });
