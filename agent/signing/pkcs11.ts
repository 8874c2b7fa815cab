import { createPublicKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { readDocument } from "../provenance/read-document.ts";
import type { KeyEnvironment } from "./key-environment.ts";
import { pointPem, readListing, type ListedKey } from "./pkcs11-listing.ts";
import { runPkcs11Tool } from "./pkcs11-tool.ts";
import { readPkcs11Uri, type Pkcs11Key } from "./pkcs11-uri.ts";
import { remoteSigner, spkiPem, type DigestName } from "./remote-key.ts";
import type { Signer } from "./signer.ts";
import { signingFailed } from "./signing-failed.ts";

/**
 * A key in a token or an HSM, through OpenSC's pkcs11-tool: the vendor's module is native code, and stays outside this process. The
 * PIN reaches it through its environment, never through its arguments.
 */
export function pkcs11Signer(reference: string, { env }: KeyEnvironment): Signer {
  const key = readPkcs11Uri(reference, env);
  const pin =
    key.pinFile === undefined
      ? env["PROVOST_PKCS11_PIN"]
      : readDocument("the PIN file", key.pinFile, maxPinBytes)
          .toString("utf8")
          .replace(/\r?\n$/, "");
  const tool = (args: readonly string[]): Promise<string> => runPkcs11Tool(key, pin, args, env);
  let listed: readonly ListedKey[] | undefined;
  const listing = async (): Promise<readonly ListedKey[]> => (listed ??= readListing(await tool(["--list-objects"])));
  const idArgument = async (): Promise<readonly string[]> => ["--id", key.id ?? idIn(await listing(), key)];
  return remoteSigner({
    name: `the PKCS#11 key ${key.label ?? `with id ${key.id ?? ""}`}`,
    async publicKey() {
      const id = await idArgument();
      try {
        return await inFolder(async (folder) => {
          await tool(["--read-object", "--type", "pubkey", ...id, "--output-file", join(folder, "out")]);
          return publicPem(readFileSync(join(folder, "out")));
        });
      } catch (cause) {
        // OpenSC 0.23 cannot write out a key on P-384; what it lists is enough.
        const same = (await listing()).find((one) => one.kind === "public" && one.id === id[1]);
        const pem = same === undefined ? undefined : pointPem(same);
        if (pem === undefined || !(cause instanceof AppError)) throw cause;
        return pem;
      }
    },
    signDigest: ({ scheme }, algorithm, digest) =>
      inFolder(async (folder) => {
        const rsa = scheme === "rsa-pkcs1-sha256";
        const [from, to] = [join(folder, "in"), join(folder, "out")];
        writeFileSync(from, rsa ? digestInfo(algorithm, digest) : digest, { mode: 0o600 });
        const how = rsa ? ["RSA-PKCS"] : ["ECDSA", "--signature-format", "openssl"];
        await tool([
          "--sign",
          ...(await idArgument()),
          "--mechanism",
          ...how,
          "--input-file",
          from,
          "--output-file",
          to,
        ]);
        return readFileSync(to);
      }),
  });
}

const maxPinBytes = 4096;

/** pkcs11-tool signs with the first key it meets when it is given a label alone, so the label's own id is looked up. */
function idIn(listing: readonly ListedKey[], { label, token }: Pkcs11Key): string {
  const found = listing.filter((one) => one.kind === "private" && one.label === label);
  const [{ id } = {}] = found;
  if (id !== undefined && found.length === 1) return id;
  const where = token === undefined ? "the token" : `the token ${token}`;
  throw signingFailed(
    `${where} holds ${found.length === 0 ? "no private key" : "several private keys"} of the label ${label ?? ""}`,
    "name the key by its id: pkcs11:id=%01; pkcs11-tool --list-objects --login shows what is there",
  );
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "provost-pkcs11-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** pkcs11-tool writes a SubjectPublicKeyInfo; older versions write the bare RSA key. */
function publicPem(der: Buffer): string {
  for (const type of ["spki", "pkcs1"] as const)
    try {
      return createPublicKey({ key: der, format: "der", type }).export({ format: "pem", type: "spki" }).toString();
    } catch {
      // The other form is tried; what is neither is refused by whoever imports it.
    }
  return spkiPem(der);
}

/** RFC 8017 9.2, note 1: CKM_RSA_PKCS pads, and leaves this prefix to its caller. */
function digestInfo(algorithm: DigestName, digest: Buffer): Buffer {
  return Buffer.concat([Buffer.from(prefixes[algorithm], "hex"), digest]);
}

const prefixes: Readonly<Record<DigestName, string>> = {
  sha256: "3031300d060960864801650304020105000420",
  sha384: "3041300d060960864801650304020205000430",
  sha512: "3051300d060960864801650304020305000440",
};
