import { hash } from "node:crypto";
import { publicKeyFromPem, digestOf, type PublicKey } from "@provost/shared/provenance/keys/public-key.ts";
import { asRefusal } from "@provost/shared/provenance/refusal.ts";
import type { Signer } from "./signer.ts";
import { signingFailed } from "./signing-failed.ts";

export type DigestName = "sha256" | "sha384" | "sha512";

/** A key that never leaves where it lies. It signs a digest; Ed25519 alone signs the message itself. */
export interface RemoteKey {
  readonly name: string;
  /** SubjectPublicKeyInfo in PEM. */
  publicKey(): Promise<string>;
  signDigest(key: PublicKey, algorithm: DigestName, digest: Buffer): Promise<Buffer>;
  signMessage?(key: PublicKey, message: Uint8Array): Promise<Buffer>;
}

export function remoteSigner(remote: RemoteKey): Signer {
  let known: { readonly pem: string; readonly key: PublicKey } | undefined;
  return {
    name: remote.name,
    async sign(data) {
      known ??= await publicKeyOf(remote);
      const { key, pem } = known;
      const algorithm = digestOf[key.scheme];
      if (algorithm !== undefined) {
        const bytes = await remote.signDigest(key, algorithm, hash(algorithm, data, "buffer"));
        return { bytes, by: { kind: "key", pem } };
      }
      if (remote.signMessage === undefined)
        throw signingFailed(`${remote.name} is an Ed25519 key, which cannot sign there`, "use an ECDSA or RSA key");
      return { bytes: await remote.signMessage(key, data), by: { kind: "key", pem } };
    },
  };
}

async function publicKeyOf(remote: RemoteKey): Promise<{ readonly pem: string; readonly key: PublicKey }> {
  const pem = await remote.publicKey();
  try {
    return { pem, key: publicKeyFromPem(pem) };
  } catch (cause) {
    throw signingFailed(
      `${remote.name} cannot be used: ${asRefusal(cause).message}`,
      "use an ECDSA key on P-256 or P-384, or an RSA key of 2048 to 8192 bits",
      cause,
    );
  }
}

/** A SubjectPublicKeyInfo in DER, as PEM. */
export const spkiPem = (der: Buffer): string =>
  `-----BEGIN PUBLIC KEY-----\n${(der.toString("base64").match(/.{1,64}/g) ?? []).join("\n")}\n-----END PUBLIC KEY-----\n`;
