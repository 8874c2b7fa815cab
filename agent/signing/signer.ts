/** Signs bytes and says with what: the port behind which a key file, a token, a KMS or a certificate authority stands. */
export interface Signer {
  /** For messages: "the key file release.pem". Never holds a secret. */
  readonly name: string;
  sign(data: Uint8Array): Promise<Signature>;
}

export interface Signature {
  /** As the key's scheme writes it: ECDSA in DER, Ed25519 and RSA plain. */
  readonly bytes: Buffer;
  readonly by: SignedBy;
}

export type SignedBy =
  | { readonly kind: "certificate"; readonly pem: string }
  /** A SubjectPublicKeyInfo in PEM. */
  | { readonly kind: "key"; readonly pem: string };
