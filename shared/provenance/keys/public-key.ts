import { createPublicKey, hash, type KeyObject } from "node:crypto";
import { base64Bytes } from "../../lib/strict-base64.ts";
import { readDer, inside, contents, expectTag, oidText, tags } from "../x509/der.ts";
import { unreadable, unsupported } from "../refusal.ts";

/** A key that may verify signatures, with the digest its scheme uses. */
export interface PublicKey {
  readonly object: KeyObject;
  readonly scheme: KeyScheme;
  readonly spki: Buffer;
  /** SHA-256 over the SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly fingerprint: string;
}

export type KeyScheme =
  | "ecdsa-p256-sha256"
  | "ecdsa-p384-sha384"
  | "ecdsa-p521-sha512"
  | "ed25519"
  | "rsa-pkcs1-sha256";

export const digestOf: Readonly<Record<KeyScheme, "sha256" | "sha384" | "sha512" | undefined>> = {
  "ecdsa-p256-sha256": "sha256",
  "ecdsa-p384-sha384": "sha384",
  "ecdsa-p521-sha512": "sha512",
  ed25519: undefined,
  "rsa-pkcs1-sha256": "sha256",
};

/** A key from its SubjectPublicKeyInfo. Curves and sizes outside the table of Sigstore's algorithm registry are refused by name. */
export function publicKey(spki: Buffer): PublicKey {
  const scheme = schemeOf(spki);
  const object = imported(spki);
  if (scheme === "rsa-pkcs1-sha256") {
    const { modulusLength: bits = 0, publicExponent = 0n } = object.asymmetricKeyDetails ?? {};
    if (bits < 2048 || bits > 8192) throw unsupported(`an RSA key of ${bits} bits is not accepted`);
    // With an exponent of one every number is its own signature.
    if (publicExponent < 3n) throw unsupported("an RSA key with an exponent below 3 is not accepted");
  }
  return { object, scheme, spki, fingerprint: hash("sha256", spki, "hex") };
}

/** A key that is written as RFC 8017 A.1.1 RSAPublicKey alone, as Sigstore's oldest logs are. */
export function rsaPublicKey(pkcs1: Buffer): PublicKey {
  const spki = ((): Buffer => {
    try {
      return createPublicKey({ key: pkcs1, format: "der", type: "pkcs1" }).export({ format: "der", type: "spki" });
    } catch {
      throw unreadable("the RSA key is malformed");
    }
  })();
  return publicKey(spki);
}

/** A PEM "PUBLIC KEY" block (RFC 7468), nothing around it. */
export function publicKeyFromPem(pem: string): PublicKey {
  return publicKey(pemBytes(pem, "PUBLIC KEY"));
}

/** The one block of that label which `pem` is. */
export function pemBytes(pem: string, label: string): Buffer {
  const body = new RegExp(
    `^\\s*-----BEGIN ${label}-----\\r?\\n([A-Za-z0-9+/=\\r\\n]+?)-----END ${label}-----\\s*$`,
  ).exec(pem)?.[1];
  if (body === undefined) throw unreadable(`there is no PEM block "${label}"`);
  const bytes = base64Bytes(body.replace(/[\r\n]/g, ""));
  if (bytes === undefined) throw unreadable(`the PEM block "${label}" is malformed base64`);
  return bytes;
}

const curves: Readonly<Record<string, KeyScheme>> = {
  "1.2.840.10045.3.1.7": "ecdsa-p256-sha256",
  "1.3.132.0.34": "ecdsa-p384-sha384",
  "1.3.132.0.35": "ecdsa-p521-sha512",
};

function schemeOf(spki: Buffer): KeyScheme {
  const [algorithm] = inside(expectTag(readDer(spki), tags.sequence, "the public key"));
  const [id, parameters] = inside(expectTag(algorithm, tags.sequence, "the key's algorithm"));
  const name = oidText(expectTag(id, tags.oid, "the key's algorithm"));
  if (name === "1.3.101.112") return "ed25519";
  if (name === "1.2.840.113549.1.1.1") return "rsa-pkcs1-sha256";
  if (name !== "1.2.840.10045.2.1") throw unsupported(`the key algorithm ${name} is not accepted`);
  const curve = oidText(expectTag(parameters, tags.oid, "the key's curve"));
  const scheme = curves[curve];
  if (scheme === undefined) throw unsupported(`the curve ${curve} is not accepted`);
  return scheme;
}

function imported(spki: Buffer): KeyObject {
  try {
    // As PEM: given bytes, Node first tries two kinds of key objects, and each try costs as much as the import itself.
    return createPublicKey(pemOf(spki));
  } catch {
    throw unreadable("the public key is no point on its curve");
  }
}

const pemOf = (spki: Buffer): string =>
  `-----BEGIN PUBLIC KEY-----\n${spki.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END PUBLIC KEY-----\n`;

/** The bytes of the key itself, without its algorithm: what RFC 5280 4.2.1.2 hashes for a key identifier. */
export function keyBits(spki: Buffer): Buffer {
  return contents(expectTag(inside(readDer(spki))[1], tags.bitString, "the public key")).subarray(1);
}
