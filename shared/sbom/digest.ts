import type { SbomDigest } from "./sbom.ts";

/**
 * One spelling for "SHA-256" (CycloneDX), "SHA256" (SPDX 2), "sha256" (SPDX 3) and "sha-256" (OpenVEX, in-toto). Undefined: the
 * value is not what the algorithm gives; an algorithm that we do not know keeps its value as it is written.
 */
export function digestOf(algorithm: string, value: string): SbomDigest | undefined {
  const name = spelling(algorithm);
  const hex = value.toLowerCase();
  if (!/^(?:[0-9a-f]{2})+$/.test(hex) || hex.length > 256) return undefined;
  const digits = lengths[name];
  return digits !== undefined && hex.length !== digits ? undefined : { algorithm: name, hex };
}

/** "SHA3-256" keeps its dash: without it, it would be read as another algorithm. */
function spelling(algorithm: string): string {
  const name = algorithm.toLowerCase().replaceAll("_", "-");
  return name.replace(/^sha-?(?=(?:1|224|256|384|512)$)/, "sha").slice(0, 40);
}

const lengths: Readonly<Record<string, number | undefined>> = {
  md5: 32,
  sha1: 40,
  sha224: 56,
  sha256: 64,
  sha384: 96,
  sha512: 128,
  "sha3-256": 64,
  "sha3-384": 96,
  "sha3-512": 128,
  "blake2b-256": 64,
  "blake2b-384": 96,
  "blake2b-512": 128,
};
