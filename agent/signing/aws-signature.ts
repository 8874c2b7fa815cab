import { createHmac, hash } from "node:crypto";

export interface AwsRequest {
  readonly address: URL;
  readonly service: string;
  readonly region: string;
  readonly body: string;
  readonly at: number;
}

export interface AwsCredentials {
  readonly access: string;
  readonly secret: string;
  readonly session: string | undefined;
}

/**
 * The headers of a POST to "/" under AWS Signature Version 4
 * (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). Each header given is signed.
 */
export function awsHeaders(
  request: AwsRequest,
  { access, secret, session }: AwsCredentials,
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const stamp = new Date(request.at).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const headers: Readonly<Record<string, string>> = {
    ...given,
    host: request.address.host,
    "x-amz-date": stamp,
    ...(session === undefined || session === "" ? {} : { "x-amz-security-token": session }),
  };
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]?.trim() ?? ""}\n`).join("");
  const signed = names.join(";");
  const canonical = ["POST", "/", "", lines, signed, hash("sha256", request.body, "hex")].join("\n");
  const day = stamp.slice(0, 8);
  const scope = `${day}/${request.region}/${request.service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", stamp, scope, hash("sha256", canonical, "hex")].join("\n");
  const key = [day, request.region, request.service, "aws4_request"].reduce(mac, Buffer.from(`AWS4${secret}`));
  const signature = mac(key, toSign).toString("hex");
  // fetch writes the host itself.
  const { host: _host, ...sent } = headers;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${access}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
  };
}

const mac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
