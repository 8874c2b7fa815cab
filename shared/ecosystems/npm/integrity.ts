import { hexOfBase64 } from "../../lib/base64-hex.ts";

export interface Integrity {
  readonly algorithm: "sha512" | "sha384" | "sha256" | "sha1";
  readonly hex: string;
}

/** W3C SRI: the strongest digest of a list such as "sha1-... sha512-...?opt". Undefined when none is well-formed. */
export function readIntegrity(text: string): Integrity | undefined {
  const found = text
    .slice(0, MAX_TEXT)
    .split(/\s+/)
    .map(oneDigest)
    .filter((digest) => digest !== undefined);
  return found.sort((a, b) => strength.indexOf(a.algorithm) - strength.indexOf(b.algorithm))[0];
}

const MAX_TEXT = 4096;
const strength = ["sha512", "sha384", "sha256", "sha1"];
const hexLength = { sha512: 128, sha384: 96, sha256: 64, sha1: 40 } as const;

function oneDigest(text: string): Integrity | undefined {
  const found = /^(sha512|sha384|sha256|sha1)-([A-Za-z0-9+/]+={0,2})(?:\?.*)?$/.exec(text);
  const algorithm = found?.[1] as Integrity["algorithm"] | undefined;
  const hex = hexOfBase64(found?.[2] ?? "");
  return algorithm !== undefined && hex?.length === hexLength[algorithm] ? { algorithm, hex } : undefined;
}
