import { textMember } from "@provost/shared/lib/bounded-json.ts";
import type { KeyScheme } from "@provost/shared/provenance/keys/public-key.ts";
import { ask, refusalIn } from "./ask.ts";
import { awsHeaders } from "./aws-signature.ts";
import type { KeyEnvironment } from "./key-environment.ts";
import { remoteSigner, spkiPem } from "./remote-key.ts";
import type { Signer } from "./signer.ts";
import { signingFailed } from "./signing-failed.ts";

/** `awskms://[ENDPOINT]/KEY`, KEY an id, an ARN or alias/NAME (docs.aws.amazon.com/kms/latest/APIReference). */
export function awsSigner(reference: string, { env, fetch, now }: KeyEnvironment): Signer {
  const found =
    /^awskms:\/\/([A-Za-z0-9.:-]*)\/(arn:aws[\w-]*:kms:([\w-]+):\d*:(?:key|alias)\/[\w/-]+|alias\/[\w/-]+|[\w-]+)$/.exec(
      reference,
    );
  const [, endpoint = "", keyId = "", arnRegion] = found ?? [];
  if (found === null)
    throw signingFailed(
      `${reference} names no AWS KMS key`,
      "write awskms:///KEY-ID, awskms:///alias/NAME or awskms:///ARN",
    );
  const region = arnRegion ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? "";
  const [access, secret] = [env["AWS_ACCESS_KEY_ID"] ?? "", env["AWS_SECRET_ACCESS_KEY"] ?? ""];
  if (access === "" || secret === "" || region === "")
    throw signingFailed(
      "AWS KMS needs credentials and a region",
      "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN where there is one, and AWS_REGION",
    );
  const address = addressOf(endpoint, region);
  const call = async (action: string, body: object): Promise<unknown> => {
    const text = JSON.stringify(body);
    const headers = awsHeaders(
      { address, service: "kms", region, body: text, at: now() },
      { access, secret, session: env["AWS_SESSION_TOKEN"] },
      { "content-type": "application/x-amz-json-1.1", "x-amz-target": `TrentService.${action}` },
    );
    const answer = await ask("AWS KMS", address, { method: "POST", headers, body: text }, fetch);
    if (answer.status === 200) return answer.body;
    throw signingFailed(
      `AWS KMS refused (${answer.status}) ${action} with ${keyId}: ${refusalIn(answer.body)}`,
      "check the key, the region and the permissions (kms:GetPublicKey and kms:Sign)",
    );
  };
  return remoteSigner({
    name: `the AWS KMS key ${keyId}`,
    publicKey: async () =>
      spkiPem(Buffer.from(textMember(await call("GetPublicKey", { KeyId: keyId }), "PublicKey") ?? "", "base64")),
    async signDigest({ scheme }, _algorithm, digest) {
      const answer = await call("Sign", {
        KeyId: keyId,
        Message: digest.toString("base64"),
        MessageType: "DIGEST",
        SigningAlgorithm: algorithms[scheme],
      });
      return Buffer.from(textMember(answer, "Signature") ?? "", "base64");
    },
  });
}

const algorithms: Readonly<Partial<Record<KeyScheme, string>>> = {
  "ecdsa-p256-sha256": "ECDSA_SHA_256",
  "ecdsa-p384-sha384": "ECDSA_SHA_384",
  "ecdsa-p521-sha512": "ECDSA_SHA_512",
  "rsa-pkcs1-sha256": "RSASSA_PKCS1_V1_5_SHA_256",
};

function addressOf(endpoint: string, region: string): URL {
  if (endpoint === "") return new URL(`https://kms.${region}.amazonaws.com/`);
  const local = /^(?:localhost|127\.0\.0\.1)(?::\d+)?$/.test(endpoint);
  return new URL(`${local ? "http" : "https"}://${endpoint}/`);
}
