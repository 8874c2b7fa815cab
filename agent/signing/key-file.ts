import { createPrivateKey, createPublicKey, sign, type KeyObject } from "node:crypto";
import { publicKeyFromPem } from "@provost/shared/provenance/keys/public-key.ts";
import { digestOf } from "@provost/shared/provenance/keys/public-key.ts";
import { asRefusal } from "@provost/shared/provenance/refusal.ts";
import type { Signer } from "./signer.ts";
import { signingFailed } from "./signing-failed.ts";

/** A private key in PEM, PKCS#8 or older, encrypted or not. Only keys that a verifier of ours accepts may sign. */
export function keyFileSigner(name: string, pem: Buffer, passphrase: string | undefined): Signer {
  const key = privateKey(name, pem, passphrase);
  const spki = createPublicKey(key).export({ format: "pem", type: "spki" }).toString();
  const { scheme } = ((): ReturnType<typeof publicKeyFromPem> => {
    try {
      return publicKeyFromPem(spki);
    } catch (cause) {
      throw signingFailed(
        `the key in ${name} cannot be used: ${asRefusal(cause).message}`,
        "use an ECDSA key on P-256 or P-384, an Ed25519 key, or an RSA key of 2048 to 8192 bits",
        cause,
      );
    }
  })();
  return {
    name: `the key file ${name}`,
    sign: (data) =>
      Promise.resolve({ bytes: sign(digestOf[scheme] ?? null, data, key), by: { kind: "key", pem: spki } }),
  };
}

function privateKey(name: string, pem: Buffer, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: "pem", ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (cause) {
    const encrypted = /^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(pem.toString("latin1"));
    if (encrypted && passphrase === undefined)
      throw signingFailed(
        `the key in ${name} is encrypted and no passphrase was given`,
        "set PROVOST_KEY_PASSPHRASE, or name a file that holds it with --passphrase-file",
      );
    if (encrypted)
      throw signingFailed(
        `the key in ${name} does not open with the passphrase that was given`,
        "check PROVOST_KEY_PASSPHRASE or the file named with --passphrase-file",
      );
    throw signingFailed(
      `${name} holds no private key in PEM`,
      "give a file that begins with -----BEGIN PRIVATE KEY----- or -----BEGIN ENCRYPTED PRIVATE KEY-----",
      cause,
    );
  }
}
