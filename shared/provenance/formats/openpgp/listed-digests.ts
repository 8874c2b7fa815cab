import { subjectDigest, type SubjectDigest } from "../../said.ts";
import { unreadable } from "../../refusal.ts";

/** Every SHA-256 and SHA-512 that stands as a word of a clear-signed text: SHA256SUMS, Release. Nothing is verified. */
export function listedDigests(bytes: Uint8Array): readonly SubjectDigest[] {
  const found = new Map<string, SubjectDigest>();
  const [signed = ""] = Buffer.from(bytes).toString("latin1").split("-----BEGIN PGP SIGNATURE-----");
  for (const [word] of signed.matchAll(/(?<!\S)(?:[0-9a-f]{128}|[0-9a-f]{64})(?!\S)/g)) {
    const digest = subjectDigest(word.length === 64 ? "sha256" : "sha512", word);
    if (digest !== undefined) found.set(word, digest);
    if (found.size > maxListed) throw unreadable(`the signed list names more than ${maxListed} digests`);
  }
  return [...found.values()];
}

export const maxListed = 20_000;
