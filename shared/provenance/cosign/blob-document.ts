import { parseStrictJson } from "../../lib/strict-json.ts";
import { unreadable } from "../refusal.ts";

/**
 * One document of the files that `cosign sign-blob` may leave beside a blob: `--output-signature`, `--output-certificate` (base64 of
 * PEM, or PEM) and Rekor's answer. It is what `--bundle` would have written, so the same format reads it.
 */
export function blobDocument(signature: string, certificate?: string, rekorBundle?: string): Uint8Array {
  const rekor = rekorBundle === undefined ? undefined : parseStrictJson(rekorBundle);
  if (rekor?.ok === false) throw unreadable(`Rekor's answer is not read: ${rekor.why}`);
  const cert = certificate?.trim();
  return Buffer.from(
    JSON.stringify({
      base64Signature: signature.trim(),
      ...(cert === undefined
        ? {}
        : { cert: cert.startsWith("-----") ? Buffer.from(`${cert}\n`).toString("base64") : cert }),
      ...(rekor === undefined ? {} : { rekorBundle: rekor.value }),
    }),
  );
}
