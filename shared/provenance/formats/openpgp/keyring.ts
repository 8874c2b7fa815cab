import type { PublicKey } from "openpgp";
import type { OpenPgpKeyring } from "../../trust.ts";

/** A third of a megabyte of program that an agent without OpenPGP evidence never needs. */
export const library = (): Promise<typeof import("openpgp")> => import("openpgp");

export interface NamedKey {
  readonly name: string;
  readonly key: PublicKey;
}

export async function keysOf(keyrings: readonly OpenPgpKeyring[]): Promise<readonly NamedKey[]> {
  const read = await Promise.all(keyrings.map(keysIn));
  return read.flat();
}

/** Parsing a keyring costs milliseconds; a trust version is asked many times. */
const parsedKeyrings = new WeakMap<OpenPgpKeyring, Promise<readonly NamedKey[]>>();

function keysIn(keyring: OpenPgpKeyring): Promise<readonly NamedKey[]> {
  const known = parsedKeyrings.get(keyring);
  if (known !== undefined) return known;
  const reading = parseKeyring(keyring);
  parsedKeyrings.set(keyring, reading);
  return reading;
}

async function parseKeyring({ name, base64, fingerprints }: OpenPgpKeyring): Promise<readonly NamedKey[]> {
  const { readKeys } = await library();
  const bytes = Buffer.from(base64, "base64");
  const armoured = bytes.subarray(0, 5).toString("latin1") === "-----";
  const keys = armoured
    ? await readKeys({ armoredKeys: bytes.toString("utf8") })
    : await readKeys({ binaryKeys: Uint8Array.from(bytes) });
  return keys
    .filter((key) => fingerprints.length === 0 || fingerprints.includes(key.getFingerprint().toUpperCase()))
    .map((key) => ({ name, key: key.toPublic() }));
}
