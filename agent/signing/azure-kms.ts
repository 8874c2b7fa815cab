import { createPublicKey } from "node:crypto";
import { member, textMember } from "@provost/shared/lib/bounded-json.ts";
import type { KeyScheme } from "@provost/shared/provenance/keys/public-key.ts";
import { ask, refusalIn } from "./ask.ts";
import { derSignature } from "./der-signature.ts";
import type { KeyEnvironment } from "./key-environment.ts";
import { remoteSigner } from "./remote-key.ts";
import type { Signer } from "./signer.ts";
import { signingFailed } from "./signing-failed.ts";

/** `azurekms://VAULT.vault.azure.net/KEY[/VERSION]` (learn.microsoft.com/rest/api/keyvault/keys). */
export function azureSigner(reference: string, { env, fetch }: KeyEnvironment): Signer {
  const found = /^azurekms:\/\/([A-Za-z0-9.:-]+)\/([A-Za-z0-9-]{1,127})(?:\/([0-9a-f]{32}))?$/.exec(reference);
  const [, host = "", name = "", version = ""] = found ?? [];
  if (found === null)
    throw signingFailed(`${reference} names no Key Vault key`, "write azurekms://VAULT.vault.azure.net/KEY");
  const token = env["AZURE_KEYVAULT_ACCESS_TOKEN"] ?? "";
  if (token === "")
    throw signingFailed(
      "Key Vault needs an access token",
      "set AZURE_KEYVAULT_ACCESS_TOKEN, for instance from: az account get-access-token --resource https://vault.azure.net",
    );
  const local = /^(?:localhost|127\.0\.0\.1)(?::\d+)?$/.test(host);
  const vault = `${local ? "http" : "https"}://${host}`;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const call = async (path: string, body?: object): Promise<unknown> => {
    const init = body === undefined ? { headers } : { headers, method: "POST", body: JSON.stringify(body) };
    const answer = await ask("Key Vault", new URL(`${vault}/keys/${path}?api-version=7.4`), init, fetch);
    if (answer.status === 200) return answer.body;
    throw signingFailed(
      `Key Vault refused (${answer.status}) to use the key ${name}: ${refusalIn(answer.body)}`,
      "check the key's name and the token's permissions (keys/get and keys/sign)",
    );
  };
  let current = version;
  return remoteSigner({
    name: `the Key Vault key ${name}`,
    async publicKey() {
      const key = member(await call(current === "" ? name : `${name}/${current}`), "key");
      // The version is fixed from here on, so that key and signature belong together.
      current = /\/([0-9a-f]{32})$/.exec(textMember(key, "kid") ?? "")?.[1] ?? current;
      return publicPem(key);
    },
    async signDigest({ scheme }, _algorithm, digest) {
      const answer = await call(`${name}/${current}/sign`, {
        alg: algorithms[scheme],
        value: digest.toString("base64url"),
      });
      const signature = Buffer.from(textMember(answer, "value") ?? "", "base64url");
      return scheme === "rsa-pkcs1-sha256" ? signature : derSignature(signature);
    },
  });
}

const algorithms: Readonly<Partial<Record<KeyScheme, string>>> = {
  "ecdsa-p256-sha256": "ES256",
  "ecdsa-p384-sha384": "ES384",
  "ecdsa-p521-sha512": "ES512",
  "rsa-pkcs1-sha256": "RS256",
};

/** RFC 7517; Key Vault marks keys in hardware with "-HSM" after the type. */
function publicPem(key: unknown): string {
  const [crv = "", x = "", y = "", n = "", e = ""] = ["crv", "x", "y", "n", "e"].map(
    (part) => textMember(key, part) ?? "",
  );
  const kty = textMember(key, "kty")?.replace(/-HSM$/, "") ?? "";
  try {
    const jwk = { kty, ...(kty === "EC" ? { crv, x, y } : { n, e }) };
    return createPublicKey({ key: jwk, format: "jwk" }).export({ format: "pem", type: "spki" }).toString();
  } catch (cause) {
    throw signingFailed("Key Vault answered with a key that is none", "use an EC or RSA key", cause);
  }
}
