import { verify, type KeyObject } from "node:crypto";
import { Refusal } from "../refusal.ts";
import { digestOf, type PublicKey } from "./public-key.ts";

/**
 * One signature that has to hold. Reading a document lists them all and assumes nothing; the document counts only after each was
 * settled. Kept apart from the reading, so that they may run beside each other and so that a benchmark can state their bare cost.
 */
export interface SignatureCheck {
  /** What the reader is told when it does not hold. */
  readonly what: string;
  readonly key: KeyObject;
  readonly digest: string | undefined;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
  /** How an ECDSA signature is written: DER (X9.62) unless a format says otherwise. */
  readonly encoding?: "ieee-p1363";
}

export const signatureCheck = (
  what: string,
  key: PublicKey,
  data: Uint8Array,
  signature: Uint8Array,
  digest: string | undefined = digestOf[key.scheme],
): SignatureCheck => ({ what, key: key.object, digest, data, signature });

/** Throws a forged refusal that names the first signature which does not hold. */
export function settle(checks: readonly SignatureCheck[]): void {
  for (const check of checks) if (!holds(check)) throw broken(check);
}

/**
 * The same, with the slow ones (P-384 costs ten times P-256 in OpenSSL) on the threads of the crypto pool meanwhile. The first in
 * the list that fails is named, whichever ended first.
 */
export async function settleTogether(checks: readonly SignatureCheck[]): Promise<void> {
  const aside = checks.map((check) => (isSlow(check) ? holdsAside(check) : undefined));
  const here = checks.map((check) => isSlow(check) || holds(check));
  const held = await Promise.all(aside.map((slow, at) => slow ?? Promise.resolve(here[at] === true)));
  const failed = checks[held.indexOf(false)];
  if (failed !== undefined) throw broken(failed);
}

const isSlow = ({ digest }: SignatureCheck): boolean => digest === "sha384" || digest === "sha512";

function holds({ digest, data, key, signature, encoding }: SignatureCheck): boolean {
  try {
    return verify(digest, data, encoding === undefined ? key : { key, dsaEncoding: encoding }, signature);
  } catch {
    return false;
  }
}

function holdsAside({ digest, data, key, signature }: SignatureCheck): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      verify(digest, data, key, signature, (error, held) => resolve(error === null && held));
    } catch {
      resolve(false);
    }
  });
}

const broken = (check: SignatureCheck): Refusal => new Refusal("forged", `${check.what} does not verify`);
