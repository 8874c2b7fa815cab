import type { KeyScheme } from "../keys/public-key.ts";
import { settle, signatureCheck, type SignatureCheck } from "../keys/signature-check.ts";
import { Refusal, guarded, unknownToTrust } from "../refusal.ts";
import { requireInWindow } from "../sigstore/read-signature.ts";
import type { PlainKey, Trust } from "../trust.ts";
import { preAuthEncoding, type Envelope } from "./envelope.ts";

/**
 * DSSE protocol, verification: a signature counts when a key of ours carries it. The key id only chooses the key; without one,
 * every key for envelopes is tried. A signature that names our key and does not hold is a forgery unless another one holds.
 */
export function signerOf(envelope: Envelope, { keys }: Pick<Trust, "keys">, now: number): PlainKey {
  const signed = preAuthEncoding(envelope);
  const usable = keys.filter((key) => key.uses.has("envelope"));
  let refusal: Refusal | undefined;
  for (const { keyId, signature, certificate } of envelope.signatures) {
    if (certificate !== undefined)
      refusal ??= new Refusal(
        "no-time-proof",
        "nothing proves when its certificate signed it",
        "the bundle with its transparency log entry",
      );
    const named = usable.filter((key) => keyId === "" || key.id === keyId).slice(0, maxKeysTried);
    for (const key of named) {
      const failed = guarded<Refusal | undefined>(
        () => {
          settle([envelopeCheck(key, signed, signature)]);
          requireInWindow(key, [], now);
          return undefined;
        },
        (why) => why,
      );
      if (failed === undefined) return key;
      if (keyId !== "") refusal = failed;
    }
  }
  throw (
    refusal ?? unknownToTrust("it is signed by keys that the trust document does not hold", "the signer's public key")
  );
}

/**
 * DSSE leaves the signature's form to the key. Google's verifiers write ECDSA as r and s side by side (IEEE P1363); in DER those
 * bytes would be a SEQUENCE of exactly their own length.
 */
function envelopeCheck({ key }: PlainKey, signed: Buffer, signature: Buffer): SignatureCheck {
  const check = signatureCheck("the signature", key, signed, signature);
  const isDer = signature[0] === 0x30 && signature[1] === signature.length - 2;
  return !isDer && signature.length === sideBySide[key.scheme] ? { ...check, encoding: "ieee-p1363" } : check;
}

const sideBySide: Readonly<Partial<Record<KeyScheme, number>>> = { "ecdsa-p256-sha256": 64, "ecdsa-p384-sha384": 96 };

/** Bounds the work of an envelope whose signatures name no key: at most 64 signatures times this. */
const maxKeysTried = 16;
