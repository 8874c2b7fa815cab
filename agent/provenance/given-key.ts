import { hash } from "node:crypto";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { base64Bytes } from "@provost/shared/lib/strict-base64.ts";
import { openpgpFingerprints } from "@provost/shared/provenance/keys/openpgp-fingerprints.ts";
import { publicKey } from "@provost/shared/provenance/keys/public-key.ts";
import { asRefusal } from "@provost/shared/provenance/refusal.ts";
import type { OpenPgpKeyring, PlainKey } from "@provost/shared/provenance/trust.ts";
import { readDocument } from "./read-document.ts";
import { plainKey } from "./sigstore-trust.ts";

/** A publisher's key that whoever asks holds himself: it counts as trusted, with or without a log entry. */
export type GivenKey =
  | { readonly kind: "keys"; readonly keys: readonly [PlainKey, ...PlainKey[]] }
  | { readonly kind: "keyring"; readonly keyring: OpenPgpKeyring; readonly fingerprints: readonly string[] };

/** `FILE` or `ID=FILE`: a public key in PEM, of minisign, or of OpenPGP. The id is what documents call the key. */
export async function readGivenKey(option: string, path: (name: string) => string): Promise<GivenKey> {
  const [, id, name = option] = /^([^=/]+)=(.+)$/s.exec(option) ?? [];
  const bytes = readDocument("the key", path(name), maxKeyringBytes);
  const head = bytes.subarray(0, 64).toString("latin1");
  if (head.startsWith("-----BEGIN PGP PUBLIC KEY BLOCK")) return keyringOf(bytes, name);
  if (head.startsWith("untrusted comment:")) return { kind: "keys", keys: [minisignKey(bytes, name)] };
  const key = plainKey(bytes, name, { id: id ?? "", withoutLog: true });
  if (id !== undefined) return { kind: "keys", keys: [key] };
  // How the field names a key by its own bytes: bundles' hints, npm's key ids, a plain fingerprint.
  const digest = hash("sha256", key.key.spki, "base64");
  const ids = [`SHA256:${digest.replace(/=$/, "")}`, key.key.fingerprint];
  return { kind: "keys", keys: [{ ...key, id: digest }, ...ids.map((other) => ({ ...key, id: other }))] };
}

export const maxKeyringBytes = 1024 * 1024;

async function keyringOf(bytes: Buffer, name: string): Promise<GivenKey> {
  try {
    const fingerprints = await openpgpFingerprints(bytes);
    return { kind: "keyring", keyring: { name, base64: bytes.toString("base64"), fingerprints: [] }, fingerprints };
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `the key ${name} is not read: ${asRefusal(cause).message}`, {
      cause,
      remedy: "give the publisher's public keys as gpg --export --armor writes them",
    });
  }
}

/** jedisct1.github.io/minisign, "Public key format": "Ed", eight bytes of id, 32 of key. */
function minisignKey(bytes: Buffer, name: string): PlainKey {
  const packet = base64Bytes(bytes.toString("latin1").split(/\r?\n/)[1] ?? "");
  if (packet?.length !== 42 || packet.subarray(0, 2).toString("latin1") !== "Ed")
    throw new AppError("CONFIG_INVALID", `the key ${name} is no public key of minisign`, {
      remedy: "give the file that minisign -G wrote, which ends in .pub",
    });
  const id = Buffer.from(packet.subarray(2, 10)).reverse().toString("hex").toUpperCase();
  // RFC 8410 4: the algorithm's identifier and a bit string around the key.
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), packet.subarray(10)]);
  const [from, until] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return { id, name, key: publicKey(spki), uses: new Set(["minisign"]), from, until, withoutLog: true };
}
