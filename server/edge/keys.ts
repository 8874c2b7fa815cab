import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";

/** Ed25519, base64 of DER, as shared/protocol/greeting.ts describes. */
export const signWith = (privateKey: string, bytes: Uint8Array): string =>
  sign(
    null,
    bytes,
    createPrivateKey({ key: Buffer.from(privateKey, "base64"), type: "pkcs8", format: "der" }),
  ).toString("base64");

/** False for a key that is not Ed25519 or not a key at all. */
export function verifyWith(publicKey: string, bytes: Uint8Array, signature: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), type: "spki", format: "der" });
    return key.asymmetricKeyType === "ed25519" && verify(null, bytes, key, Buffer.from(signature, "base64"));
  } catch {
    return false;
  }
}

export const keyName = (publicKey: string): string =>
  createHash("sha256").update(Buffer.from(publicKey, "base64")).digest("base64url");
