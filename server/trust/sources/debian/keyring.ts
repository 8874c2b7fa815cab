import { hash } from "node:crypto";
import type { AptSource } from "@provost/shared/model/inventory.ts";
import { type Key, readKeys } from "openpgp";
import { indexLimits } from "./limits.ts";

export interface Keyring {
  readonly keys: readonly Key[];
  /** Keyrings that could not be read, in words. */
  readonly problems: readonly string[];
}

const maxCached = 200;

/** Parses each keyring once: a fleet's devices carry the same few files. The cache is bounded and forgets the oldest. */
export function openKeyrings(): (source: AptSource) => Promise<Keyring> {
  const parsed = new Map<string, Promise<readonly Key[] | string>>();
  return async (source) => {
    const keys = new Map<string, Key>();
    const problems: string[] = [];
    for (const { path, base64 } of source.keyrings) {
      const result = await cached(parsed, base64);
      if (typeof result === "string") problems.push(`${path}: ${result}`);
      else for (const key of result) if (!keys.has(key.getFingerprint())) keys.set(key.getFingerprint(), key);
    }
    return { keys: [...keys.values()].filter((key) => allowed(key, source.fingerprints)), problems };
  };
}

function cached(
  parsed: Map<string, Promise<readonly Key[] | string>>,
  base64: string,
): Promise<readonly Key[] | string> {
  const id = hash("sha256", base64);
  let result = parsed.get(id);
  if (result === undefined) {
    result = parse(base64);
    parsed.set(id, result);
    const oldest = parsed.keys().next().value;
    if (parsed.size > maxCached && oldest !== undefined) parsed.delete(oldest);
  }
  return result;
}

async function parse(base64: string): Promise<readonly Key[] | string> {
  if (base64.length > indexLimits.keyringBytes) return `larger than ${indexLimits.keyringBytes} bytes`;
  const bytes = Buffer.from(base64, "base64");
  try {
    const armoured = bytes.toString("latin1").includes("-----BEGIN PGP PUBLIC KEY BLOCK-----");
    const blocks = armoured ? armourBlocks(bytes.toString("latin1")) : [bytes];
    const keys: Key[] = [];
    for (const block of blocks) {
      keys.push(
        ...(typeof block === "string" ? await readKeys({ armoredKeys: block }) : await readKeys({ binaryKeys: block })),
      );
      if (keys.length > indexLimits.keys) return `more than ${indexLimits.keys} keys`;
    }
    return keys;
  } catch (error) {
    return `not an OpenPGP keyring: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A .asc of trusted.gpg.d may hold several armoured blocks one after another. */
function armourBlocks(text: string): readonly string[] {
  return text.match(/-----BEGIN PGP PUBLIC KEY BLOCK-----[^]*?-----END PGP PUBLIC KEY BLOCK-----/g) ?? [];
}

/** sources.list(5) Signed-By: a fingerprint allows a primary key and its subkeys; with "!" exactly that key. */
function allowed(key: Key, fingerprints: readonly string[]): boolean {
  if (fingerprints.length === 0) return true;
  const own = new Set(key.getKeys().map((part) => part.getFingerprint().toUpperCase()));
  return fingerprints.some((fingerprint) => own.has(fingerprint.replace(/!$/, "").toUpperCase()));
}

/** Whether a Signed-By that ends in "!" allows the (sub)key that made a signature. */
export function allowsSigner(signer: string, primary: string, fingerprints: readonly string[]): boolean {
  if (fingerprints.length === 0) return true;
  return fingerprints.some((fingerprint) => {
    const exact = fingerprint.endsWith("!");
    const wanted = fingerprint.replace(/!$/, "").toUpperCase();
    return wanted === signer.toUpperCase() || (!exact && wanted === primary.toUpperCase());
  });
}
