import { createHash, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { fulcioHandler, initializeCA, initializeCTLog, initializeTSA, tsaHandler } from "@sigstore/mock";
import * as z from "zod";
import { forgeLog } from "./forge-log.ts";

/** A whole Sigstore instance on loopback: authority, certificate log, Rekor v1 and v2, timestamp authority. */
export interface ForgedSigstore {
  readonly url: string;
  readonly trustedRoot: object;
  /** Rekor v1 alone, or Rekor v2 with the timestamp authority. */
  signingConfig(rekor: 1 | 2): object;
  token(claims: Readonly<Record<string, unknown>>): string;
  /** Requests since the start, "POST /api/v1/log/entries". */
  readonly asked: readonly string[];
  /** What the next request to this path is answered with instead. */
  fail(path: string, status: number): void;
  close(): Promise<void>;
}

export const forgedIssuer = "https://issuer.test";

export async function forgeSigstore(): Promise<ForgedSigstore> {
  const keyPair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keys = keyPair();
  const ctKeys = keyPair();
  const ctLog = await initializeCTLog(ctKeys);
  const ca = await initializeCA(keys, ctLog);
  const tsa = await initializeTSA(keyPair());
  const port = { host: "" };
  const [logV1, logV2] = [forgeLog(() => port.host, Date.now), forgeLog(() => port.host, Date.now)];
  const fulcio = fulcioHandler(ca);
  const stamp = tsaHandler(tsa);
  const asked: string[] = [];
  const failures = new Map<string, number>();

  const answer = async (path: string, body: string): Promise<readonly [number, string | Uint8Array, string]> => {
    const failure = failures.get(path);
    if (failure !== undefined) return [failure, JSON.stringify({ message: "told to fail" }), "application/json"];
    switch (path) {
      case "/api/v2/signingCert": {
        requireBearer(body);
        const { statusCode, response } = await fulcio.fn(body);
        return [statusCode, bytesOf(response), "application/json"];
      }
      case "/api/v1/log/entries":
        return [201, JSON.stringify(logV1.addV1(JSON.parse(body))), "application/json"];
      case "/api/v2/log/entries":
        return [201, JSON.stringify(logV2.addV2(JSON.parse(body))), "application/json"];
      case "/api/v1/timestamp": {
        const { statusCode, response } = await stamp.fn(body);
        return [statusCode, bytesOf(response), "application/timestamp-reply"];
      }
      default:
        return [404, "{}", "application/json"];
    }
  };
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    asked.push(`${request.method ?? ""} ${path}`);
    const respond = async (): Promise<void> => {
      const [status, body, type] = await bodyOf(request)
        .then((text) => answer(path, text))
        .catch((cause: unknown): readonly [number, string, string] => [400, String(cause), "text/plain"]);
      response.writeHead(status, { "content-type": type });
      response.end(body);
    };
    respond().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  port.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `http://${port.host}`;
  const validFor = { start: new Date(Date.now() - 3_600_000).toISOString() };
  const log = (spki: Buffer) => ({
    baseUrl: url,
    hashAlgorithm: "SHA2_256",
    publicKey: { rawBytes: spki.toString("base64"), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor },
    logId: { keyId: createHash("sha256").update(spki).digest("base64") },
  });
  const chain = (...certificates: readonly ArrayBufferView[]) => ({
    certificates: certificates.map((one) => ({ rawBytes: Buffer.from(bytesOf(one)).toString("base64") })),
  });
  return {
    url,
    asked,
    trustedRoot: {
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [log(logV1.spki), log(logV2.spki)],
      ctlogs: [log(ctLog.publicKey)],
      certificateAuthorities: [{ uri: url, certChain: chain(ca.rootCertificate), validFor }],
      timestampAuthorities: [{ uri: url, certChain: chain(tsa.intCertificate, tsa.rootCertificate), validFor }],
    },
    signingConfig: (rekor) => ({
      mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
      caUrls: [{ url, majorApiVersion: 1, validFor, operator: "forged" }],
      rekorTlogUrls: [{ url, majorApiVersion: rekor, validFor, operator: "forged" }],
      rekorTlogConfig: { selector: "ANY" },
      ...(rekor === 1
        ? {}
        : {
            tsaUrls: [{ url: `${url}/api/v1/timestamp`, majorApiVersion: 1, validFor, operator: "forged" }],
            tsaConfig: { selector: "ANY" },
          }),
    }),
    token: (claims) => {
      const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
      const body = { iss: forgedIssuer, aud: "sigstore", exp: Math.floor(Date.now() / 1000) + 300, ...claims };
      return `${part({ alg: "none" })}.${part(body)}.`;
    },
    fail: (path, status) => void failures.set(path, status),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const Certificate = z.object({
  credentials: z.object({ oidcIdentityToken: z.string() }),
  publicKeyRequest: z.object({ publicKey: z.object({ content: z.string() }), proofOfPossession: z.string() }),
});
const Claims = z.object({ sub: z.string(), aud: z.literal("sigstore"), exp: z.number() });

/** What Fulcio checks: audience, expiry, and that whoever asks holds the key. The mock leaves it out. */
function requireBearer(body: string): void {
  const { credentials, publicKeyRequest } = Certificate.parse(JSON.parse(body));
  const claims: unknown = JSON.parse(
    Buffer.from(credentials.oidcIdentityToken.split(".")[1] ?? "", "base64url").toString(),
  );
  const { sub, exp } = Claims.parse(claims);
  if (exp * 1000 < Date.now()) throw new Error("the token has expired");
  const key = createPublicKey(publicKeyRequest.publicKey.content);
  if (!verify("sha256", Buffer.from(sub), key, Buffer.from(publicKeyRequest.proofOfPossession, "base64")))
    throw new Error("the proof of possession does not verify");
}

function bytesOf(view: string | ArrayBufferView): Uint8Array {
  if (typeof view === "string") return Buffer.from(view);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
