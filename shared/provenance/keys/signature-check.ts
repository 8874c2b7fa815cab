import { verify, type KeyObject, type VerifyKeyObjectInput } from "node:crypto";
import { Refusal } from "../refusal.ts";
import { digestOf, type KeyScheme, type PublicKey } from "./public-key.ts";

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
  /** A curve for which OpenSSL has no fast code. */
  readonly slow: boolean;
  /** A second digest that signers of this kind of document also use with this key. */
  readonly orDigest?: string;
  /** How an ECDSA signature is written: DER (X9.62) unless a format says otherwise. */
  readonly encoding?: "ieee-p1363";
}

export const signatureCheck = (
  what: string,
  key: PublicKey,
  data: Uint8Array,
  signature: Uint8Array,
  digest: string | undefined = digestOf[key.scheme],
): SignatureCheck => ({ what, key: key.object, digest, data, signature, slow: slowSchemes.has(key.scheme) });

const slowSchemes: ReadonlySet<KeyScheme> = new Set(["ecdsa-p384-sha384", "ecdsa-p521-sha512"]);

/** Throws a forged refusal that names the first signature which does not hold. */
export function settle(checks: readonly SignatureCheck[]): void {
  for (const check of checks) if (!holds(check)) throw broken(check);
}

/**
 * The same, with the slow ones (P-384 costs ten times P-256 in OpenSSL) on the threads of the crypto pool meanwhile, but only
 * while several documents are being settled: waking a thread for one alone takes longer than it saves. Two at a time keep a second
 * core busy; the others are done here rather than waited for. The first in the list that fails is named, whichever ended first. How
 * many are under way changes where a check runs, never what it finds.
 */
export async function settleTogether(checks: readonly SignatureCheck[]): Promise<void> {
  underWay += 1;
  try {
    // Who asks about several documents at once comes this far with each of them before any is settled.
    await Promise.resolve();
    const aside = checks.map((check) =>
      underWay > 1 && check.slow && ranAside < maxAside ? holdsAside(check) : undefined,
    );
    const here = checks.map((check, at) => aside[at] !== undefined || holds(check));
    const held = await Promise.all(aside.map((slow, at) => slow ?? Promise.resolve(here[at] === true)));
    const failed = checks[held.indexOf(false)];
    if (failed !== undefined) throw broken(failed);
  } finally {
    underWay -= 1;
  }
}

let underWay = 0;
let ranAside = 0;
const maxAside = 2;

function holds(check: SignatureCheck): boolean {
  return [...digestsOf(check)].some((digest) => holdsOver(digest, check));
}

function holdsOver(digest: string | undefined, check: SignatureCheck): boolean {
  try {
    return verify(digest, check.data, keyOf(check), check.signature);
  } catch {
    return false;
  }
}

function* digestsOf({ digest, orDigest }: SignatureCheck): Generator<string | undefined> {
  yield digest;
  if (orDigest !== undefined) yield orDigest;
}

async function holdsAside(check: SignatureCheck): Promise<boolean> {
  ranAside += 1;
  try {
    for (const digest of digestsOf(check)) if (await holdsOverAside(digest, check)) return true;
    return false;
  } finally {
    ranAside -= 1;
  }
}

function holdsOverAside(digest: string | undefined, check: SignatureCheck): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      verify(digest, check.data, keyOf(check), check.signature, (error, held) => resolve(error === null && held));
    } catch {
      resolve(false);
    }
  });
}

const keyOf = ({ key, encoding }: SignatureCheck): KeyObject | VerifyKeyObjectInput =>
  encoding === undefined ? key : { key, dsaEncoding: encoding };

const broken = (check: SignatureCheck): Refusal => new Refusal("forged", `${check.what} does not verify`);
