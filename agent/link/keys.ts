import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";

/** Ed25519 keys as they travel and rest: base64 of DER (SPKI for the public half, PKCS#8 for the private). */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

export function makeKeyPair(): KeyPair {
  const pair = generateKeyPairSync("ed25519");
  return {
    publicKey: pair.publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    privateKey: pair.privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
  };
}

export const publicKeyOf = (privateKey: string): string =>
  createPublicKey(privateObject(privateKey)).export({ type: "spki", format: "der" }).toString("base64");

export const signWith = (privateKey: string, bytes: Uint8Array): string =>
  sign(null, bytes, privateObject(privateKey)).toString("base64");

/** False for a key that is not Ed25519 or not a key at all. */
export function verifyWith(publicKey: string, bytes: Uint8Array, signature: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), type: "spki", format: "der" });
    return key.asymmetricKeyType === "ed25519" && verify(null, bytes, key, Buffer.from(signature, "base64"));
  } catch {
    return false;
  }
}

/** SHA-256 of the DER bytes, base64url: how an enrolment token names the server. */
export const keyName = (publicKey: string): string =>
  createHash("sha256").update(Buffer.from(publicKey, "base64")).digest("base64url");

const privateObject = (privateKey: string): KeyObject =>
  createPrivateKey({ key: Buffer.from(privateKey, "base64"), type: "pkcs8", format: "der" });
