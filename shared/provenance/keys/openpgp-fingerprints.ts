import { unreadable } from "../refusal.ts";

/** The primary keys in a keyring, binary or armoured, as signatures by them are named: upper-case hexadecimal. Throws a Refusal. */
export async function openpgpFingerprints(keyring: Uint8Array): Promise<readonly string[]> {
  const { readKeys } = await import("openpgp");
  const armoured = Buffer.from(keyring.subarray(0, 5)).toString("latin1") === "-----";
  try {
    const keys = armoured
      ? await readKeys({ armoredKeys: Buffer.from(keyring).toString("utf8") })
      : await readKeys({ binaryKeys: Uint8Array.from(keyring) });
    return keys.map((key) => key.getFingerprint().toUpperCase());
  } catch (cause) {
    throw unreadable(`it is no OpenPGP keyring (${cause instanceof Error ? cause.message : "fault"})`);
  }
}
