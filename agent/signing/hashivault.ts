import { ask, refusalIn } from "./ask.ts";
import { member, textMember } from "@provost/shared/lib/bounded-json.ts";
import type { KeyEnvironment } from "./key-environment.ts";
import { remoteSigner, type DigestName } from "./remote-key.ts";
import type { Signer } from "./signer.ts";
import { signingFailed } from "./signing-failed.ts";

/** `hashivault://NAME`: HashiCorp Vault's transit engine (developer.hashicorp.com/vault/api-docs/secret/transit). */
export function vaultSigner(reference: string, { env, fetch }: KeyEnvironment): Signer {
  const name = /^hashivault:\/\/([A-Za-z0-9_-][A-Za-z0-9_.-]{0,199})$/.exec(reference)?.[1];
  if (name === undefined) throw signingFailed(`${reference} names no Vault key`, "write hashivault://NAME");
  const [address, token] = [env["VAULT_ADDR"] ?? "", env["VAULT_TOKEN"] ?? ""];
  if (!URL.canParse(address) || token === "")
    throw signingFailed(`${reference} needs to know where Vault is`, "set VAULT_ADDR and VAULT_TOKEN");
  const engine = env["TRANSIT_SECRET_ENGINE_PATH"] ?? "transit";
  const title = `the Vault key ${name}`;
  const headers = {
    "x-vault-token": token,
    "content-type": "application/json",
    ...(env["VAULT_NAMESPACE"] === undefined ? {} : { "x-vault-namespace": env["VAULT_NAMESPACE"] }),
  };
  const call = async (path: string, body?: object): Promise<unknown> => {
    const init = body === undefined ? { headers } : { headers, method: "POST", body: JSON.stringify(body) };
    const answer = await ask("Vault", new URL(`${address.replace(/\/$/, "")}/v1/${engine}/${path}`), init, fetch);
    if (answer.status === 200) return member(answer.body, "data");
    throw signingFailed(
      `Vault refused (${answer.status}) to use ${title}: ${refusalIn(answer.body)}`,
      "check the key's name, VAULT_TOKEN and its policy",
    );
  };
  const sign = async (path: string, body: object): Promise<Buffer> => {
    const signature = textMember(await call(path, body), "signature") ?? "";
    const encoded = /^vault:v\d+:([A-Za-z0-9+/]+=*)$/.exec(signature)?.[1];
    if (encoded === undefined) throw signingFailed(`Vault did not answer with a signature`, "see Vault's audit log");
    return Buffer.from(encoded, "base64");
  };
  return remoteSigner({
    name: title,
    async publicKey() {
      const data = await call(`keys/${name}`);
      const latest = member(data, "latest_version");
      const key = typeof latest === "number" ? member(member(data, "keys"), String(latest)) : undefined;
      return textMember(key, "public_key") ?? "";
    },
    signDigest: (_key, algorithm, digest) =>
      sign(`sign/${name}/${names[algorithm]}`, {
        input: digest.toString("base64"),
        prehashed: true,
        marshaling_algorithm: "asn1",
        signature_algorithm: "pkcs1v15",
      }),
    signMessage: (_key, message) => sign(`sign/${name}`, { input: Buffer.from(message).toString("base64") }),
  });
}

const names: Readonly<Record<DigestName, string>> = { sha256: "sha2-256", sha384: "sha2-384", sha512: "sha2-512" };
