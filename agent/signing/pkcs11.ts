import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPublicKey } from "node:crypto";
import { readDocument } from "../provenance/read-document.ts";
import type { KeyEnvironment } from "./open-signer.ts";
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
  const run = (args: readonly string[]): Promise<Buffer> => inFolder((folder) => tool(key, pin, args, folder, env));
  return remoteSigner({
    name: `the PKCS#11 key ${key.label ?? `with id ${key.id ?? ""}`}`,
    async publicKey() {
      return publicPem(await run(["--read-object", "--type", "pubkey"]));
    },
    signDigest: ({ scheme }, algorithm, digest) =>
      inFolder((folder) => {
        const rsa = scheme === "rsa-pkcs1-sha256";
        writeFileSync(join(folder, "in"), rsa ? digestInfo(algorithm, digest) : digest, { mode: 0o600 });
        const how = rsa ? ["RSA-PKCS"] : ["ECDSA", "--signature-format", "openssl"];
        return tool(key, pin, ["--sign", "--mechanism", ...how, "--input-file", join(folder, "in")], folder, env);
      }),
  });
}

const maxPinBytes = 4096;

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "provost-pkcs11-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes to a file in `folder`: what the tool prints on its way must not be taken for the answer. */
async function tool(
  key: Pkcs11Key,
  pin: string | undefined,
  args: readonly string[],
  folder: string,
  env: KeyEnvironment["env"],
): Promise<Buffer> {
  const output = join(folder, "out");
  const all = [
    "--module",
    key.module,
    ...(key.token === undefined ? [] : ["--token-label", key.token]),
    ...(key.label === undefined ? [] : ["--label", key.label]),
    ...(key.id === undefined ? [] : ["--id", key.id]),
    ...(pin === undefined ? [] : ["--login", "--pin", `env:${pinVariable}`]),
    ...args,
    "--output-file",
    output,
  ];
  const { code, said } = await started(all, { ...env, ...(pin === undefined ? {} : { [pinVariable]: pin }) });
  if (code !== 0)
    throw signingFailed(
      `pkcs11-tool could not use the key: ${said.trim().split("\n").at(-1)?.slice(0, 300) ?? `it ended with ${code}`}`,
      "check the token, the label or id, and the PIN (PROVOST_PKCS11_PIN or pin-source)",
    );
  return readFileSync(output);
}

const pinVariable = "PROVOST_PKCS11_TOOL_PIN";

function started(args: readonly string[], env: KeyEnvironment["env"]): Promise<{ code: number; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("pkcs11-tool", args, {
      env: { ...env, LC_ALL: "C" },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: toolMilliseconds,
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString("utf8")).slice(-4096)));
    child.on("error", (cause) =>
      reject(signingFailed("pkcs11-tool cannot be started", "install OpenSC: apt-get install opensc", cause)),
    );
    child.on("close", (code) => resolve({ code: code ?? -1, said }));
  });
}

const toolMilliseconds = 60_000;

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
