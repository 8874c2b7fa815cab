import { textMember } from "@provost/shared/lib/bounded-json.ts";
import { ask, refusalIn } from "./ask.ts";
import type { KeyEnvironment } from "./key-environment.ts";
import { remoteSigner } from "./remote-key.ts";
import type { Signer } from "./signer.ts";
import { signingFailed } from "./signing-failed.ts";

/** `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V` (cloud.google.com/kms/docs/reference/rest). */
export function gcpSigner(reference: string, { env, fetch }: KeyEnvironment): Signer {
  const found =
    /^gcpkms:\/\/(projects\/[^/?#]+\/locations\/[^/?#]+\/keyRings\/[^/?#]+\/cryptoKeys\/[^/?#]+)\/(?:cryptoKeyVersions|versions)\/(\d+)$/.exec(
      reference,
    );
  if (found?.[1] === undefined || found[2] === undefined)
    throw signingFailed(
      `${reference} names no key version of Cloud KMS`,
      "write gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V",
    );
  const resource = `${found[1]}/cryptoKeyVersions/${found[2]}`;
  const token = env["GOOGLE_OAUTH_ACCESS_TOKEN"] ?? env["CLOUDSDK_AUTH_ACCESS_TOKEN"] ?? "";
  if (token === "")
    throw signingFailed(
      "Cloud KMS needs an access token",
      "set GOOGLE_OAUTH_ACCESS_TOKEN, for instance from: gcloud auth print-access-token",
    );
  const base = env["CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS"] ?? "https://cloudkms.googleapis.com/";
  if (!URL.canParse(base)) throw signingFailed(`${base} is no address of Cloud KMS`, "correct the override");
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const call = async (path: string, body?: object): Promise<unknown> => {
    const init = body === undefined ? { headers } : { headers, method: "POST", body: JSON.stringify(body) };
    const answer = await ask("Cloud KMS", new URL(`${base.replace(/\/$/, "")}/v1/${path}`), init, fetch);
    if (answer.status === 200) return answer.body;
    throw signingFailed(
      `Cloud KMS refused (${answer.status}) to use ${resource}: ${refusalIn(answer.body)}`,
      "check the key version and the token's permissions (cloudkms.signerVerifier)",
    );
  };
  const sign = async (body: object): Promise<Buffer> => {
    const answer = await call(`${resource}:asymmetricSign`, body);
    // "name: The resource name of the CryptoKeyVersion used for signing. Check this field".
    if (textMember(answer, "name") !== resource)
      throw signingFailed("Cloud KMS signed with another key than asked", "see the audit log of Cloud KMS");
    return Buffer.from(textMember(answer, "signature") ?? "", "base64");
  };
  return remoteSigner({
    name: `the Cloud KMS key ${resource}`,
    publicKey: async () => textMember(await call(`${resource}/publicKey`), "pem") ?? "",
    signDigest: (_key, algorithm, digest) => sign({ digest: { [algorithm]: digest.toString("base64") } }),
    signMessage: (_key, message) => sign({ data: Buffer.from(message).toString("base64") }),
  });
}
