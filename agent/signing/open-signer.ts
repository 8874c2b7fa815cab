import { resolve } from "node:path";
import { readDocument } from "../provenance/read-document.ts";
import type { KeyEnvironment } from "./key-environment.ts";
import type { Signer } from "./signer.ts";

/** `--key`: a file in PEM, or the address of a key that stays where it is. Each kind is loaded only when it is named. */
export async function openSigner(reference: string, from: KeyEnvironment, passphraseFile?: string): Promise<Signer> {
  const scheme = /^([a-z0-9]+):/.exec(reference)?.[1];
  switch (scheme) {
    case "pkcs11":
      return (await import("./pkcs11.ts")).pkcs11Signer(reference, from);
    case "awskms":
      return (await import("./aws-kms.ts")).awsSigner(reference, from);
    case "gcpkms":
      return (await import("./gcp-kms.ts")).gcpSigner(reference, from);
    case "azurekms":
      return (await import("./azure-kms.ts")).azureSigner(reference, from);
    case "hashivault":
      return (await import("./hashivault.ts")).vaultSigner(reference, from);
    default: {
      const { keyFileSigner } = await import("./key-file.ts");
      const pem = readDocument("the key file", resolve(from.cwd, reference), maxKeyBytes);
      return keyFileSigner(reference, pem, passphrase(from, passphraseFile));
    }
  }
}

export const maxKeyBytes = 64 * 1024;

/** Never from the arguments, which every user of the machine can read. */
function passphrase({ cwd, env }: KeyEnvironment, file: string | undefined): string | undefined {
  if (file === undefined) return env["PROVOST_KEY_PASSPHRASE"];
  return readDocument("the passphrase file", resolve(cwd, file), maxKeyBytes)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}
