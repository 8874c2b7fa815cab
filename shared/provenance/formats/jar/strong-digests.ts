import { base64Bytes } from "../../../lib/strict-base64.ts";
import { unreadable } from "../../refusal.ts";
import type { Section } from "./manifest-file.ts";

/** JAR specification, "Digest Attributes": "SHA-256-Digest", and in signature files "SHA-256-Digest-Manifest" and its like. */
export type DigestKind = "digest" | "digest-manifest" | "digest-manifest-main-attributes";

export type StrongDigest = "sha256" | "sha384" | "sha512";

export interface Digests {
  readonly strong: readonly { readonly algorithm: StrongDigest; readonly value: Buffer }[];
  /** Those that no longer prove anything, by name: MD5, SHA-1. */
  readonly weak: readonly string[];
}

export function digestsIn({ attributes }: Section, kind: DigestKind, what: string): Digests {
  const strong: { algorithm: StrongDigest; value: Buffer }[] = [];
  const weak: string[] = [];
  for (const [name, text] of attributes) {
    if (!name.endsWith(`-${kind}`)) continue;
    const algorithm = strongNames.get(name.slice(0, -kind.length - 1));
    if (algorithm === undefined) {
      weak.push(name.slice(0, -kind.length - 1).toUpperCase());
      continue;
    }
    const value = base64Bytes(text);
    if (value?.length !== lengths[algorithm]) throw unreadable(`${what} holds a malformed digest`);
    strong.push({ algorithm, value });
  }
  return { strong, weak };
}

const strongNames: ReadonlyMap<string, StrongDigest> = new Map([
  ["sha-256", "sha256"],
  ["sha256", "sha256"],
  ["sha-384", "sha384"],
  ["sha384", "sha384"],
  ["sha-512", "sha512"],
  ["sha512", "sha512"],
]);

const lengths: Readonly<Record<StrongDigest, number>> = { sha256: 32, sha384: 48, sha512: 64 };
