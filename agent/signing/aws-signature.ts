import { createHmac, hash } from "node:crypto";

export interface AwsRequest {
  readonly address: URL;
  readonly service: string;
  readonly region: string;
  readonly target: string;
  readonly body: string;
  readonly at: number;
}

export interface AwsCredentials {
  readonly access: string;
  readonly secret: string;
  readonly session: string | undefined;
}

/** AWS Signature Version 4 for a POST to "/" (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). */
export function awsHeaders(
  request: AwsRequest,
  { access, secret, session }: AwsCredentials,
): Readonly<Record<string, string>> {
  const stamp = new Date(request.at).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = stamp.slice(0, 8);
  const headers: Readonly<Record<string, string>> = {
    "content-type": "application/x-amz-json-1.1",
    host: request.address.host,
    "x-amz-date": stamp,
    ...(session === undefined || session === "" ? {} : { "x-amz-security-token": session }),
    "x-amz-target": request.target,
  };
  // The names are in the order of their letters already.
  const signed = Object.keys(headers).join(";");
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value.trim()}\n`);
  const canonical = ["POST", "/", "", lines.join(""), signed, hash("sha256", request.body, "hex")].join("\n");
  const scope = `${day}/${request.region}/${request.service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", stamp, scope, hash("sha256", canonical, "hex")].join("\n");
  const key = [day, request.region, request.service, "aws4_request"].reduce(mac, Buffer.from(`AWS4${secret}`));
  const { host: _host, ...sent } = headers;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${access}/${scope}, SignedHeaders=${signed}, Signature=${mac(key, toSign).toString("hex")}`,
  };
}

const mac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
