import { publicDecrypt, constants } from "node:crypto";
import { ed25519ph } from "@noble/curves/ed25519.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { unreachable } from "../../lib/unreachable.ts";
import { unsupported, Refusal } from "../refusal.ts";
import { keyBits, type PublicKey } from "./public-key.ts";

/**
 * A signature over a file of which only the digest is known. Node can verify over bytes alone, so the curves come from a library;
 * DER is checked strictly there (`lowS` stays off: neither FIPS 186-5 nor Sigstore asks for it).
 */
export function holdsOverDigest(key: PublicKey, algorithm: string, digest: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verified(key, algorithm, digest, signature);
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    return false;
  }
}

const overCurve = { prehash: false, format: "der", lowS: false } as const;

function verified(key: PublicKey, algorithm: string, digest: Uint8Array, signature: Uint8Array): boolean {
  const point = keyBits(key.spki);
  switch (key.scheme) {
    case "ecdsa-p256-sha256":
      return p256.verify(signature, digest, point, overCurve);
    case "ecdsa-p384-sha384":
      return p384.verify(signature, digest, point, overCurve);
    case "ecdsa-p521-sha512":
      return p521.verify(signature, digest, point, overCurve);
    case "rsa-pkcs1-sha256":
      return rsa(key, algorithm, digest, signature);
    case "ed25519":
      throw new Refusal(
        "unreachable",
        "an Ed25519 signature is made over the file itself",
        "the bytes of the file, not its digest alone",
      );
    default:
      return unreachable(key.scheme);
  }
}

/** RFC 8017 8.2.2: the decrypted block is exactly DigestInfo, compared whole. */
function rsa(key: PublicKey, algorithm: string, digest: Uint8Array, signature: Uint8Array): boolean {
  const prefix = digestInfo.get(algorithm);
  if (prefix === undefined) throw unsupported(`the digest ${algorithm} is not accepted`);
  const block = publicDecrypt({ key: key.object, padding: constants.RSA_PKCS1_PADDING }, signature);
  return block.equals(Buffer.concat([Buffer.from(prefix, "hex"), digest]));
}

// RFC 8017 9.2, note 1.
const digestInfo: ReadonlyMap<string, string> = new Map([
  ["sha256", "3031300d060960864801650304020105000420"],
  ["sha384", "3041300d060960864801650304020205000430"],
  ["sha512", "3051300d060960864801650304020305000440"],
]);

/** RFC 8032 5.1: Ed25519ph, the form Sigstore uses for messages, over SHA-512 of the file. */
export function holdsPrehashed(key: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    return ed25519ph.verify(signature, bytes, keyBits(key.spki));
  } catch {
    return false;
  }
}
