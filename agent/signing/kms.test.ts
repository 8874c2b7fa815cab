import {
  createHmac,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { derSignature } from "./der-signature.ts";
import { awsHeaders } from "./aws-signature.ts";
import { openSigner } from "./open-signer.ts";

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}
type Reply = readonly [number, unknown];

let server: Server | undefined;
afterEach(() => new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve()))));

/** A key management service on loopback. It answers as the real one does, and checks what the real one checks. */
async function service(answer: (asked: Asked) => Reply): Promise<{ readonly host: string; readonly asked: Asked[] }> {
  const asked: Asked[] = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const body = text === "" ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
      const one = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, text, body };
      asked.push(one);
      const [status, value] = answer(one);
      response.writeHead(status, { "content-type": "application/json" });
      response.end(typeof value === "string" ? value : JSON.stringify(value));
    });
  });
  await new Promise<void>((resolve) => {
    server?.listen(0, "127.0.0.1", resolve);
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const pairs = {
  p256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  p384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
  rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ed: generateKeyPairSync("ed25519"),
} as const;
type Kind = keyof typeof pairs;
const pem = (key: KeyObject): string => key.export({ format: "pem", type: "spki" }).toString();
const data = Buffer.from("what is signed");
const algorithms: Readonly<Record<Kind, "sha256" | "sha384" | null>> = {
  p256: "sha256",
  p384: "sha384",
  rsa: "sha256",
  ed: null,
};
const digest = (kind: Kind): Buffer =>
  createHash(algorithms[kind] ?? "sha512")
    .update(data)
    .digest();

/** What a service signs is the digest alone; ours is the message behind it, so it checks the digest and signs the message. */
function signing(kind: Kind, given: Buffer, dsaEncoding: "der" | "ieee-p1363" = "der"): Buffer {
  if (kind !== "ed" && !given.equals(digest(kind))) throw new Error("another digest");
  return sign(algorithms[kind], kind === "ed" ? given : data, { key: pairs[kind].privateKey, dsaEncoding });
}

async function signs(reference: string, env: Readonly<Record<string, string>>, kind: Kind): Promise<boolean> {
  const signer = await openSigner(reference, { cwd: "/", env, fetch, now: Date.now });
  const { bytes, by } = await signer.sign(data);
  const same = by.kind === "key" && createPublicKey(by.pem).equals(pairs[kind].publicKey);
  return same && verify(algorithms[kind], data, by.pem, bytes) && !signer.name.includes("secret");
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const bytes = (value: unknown): Buffer => Buffer.from(text(value), "base64");

describe("Vault's transit engine", () => {
  const transit = (kind: Kind) =>
    service(({ method, path, headers, body }) => {
      if (headers["x-vault-token"] !== "secret") return [403, { errors: ["permission denied"] }];
      if (method === "GET" && path === "/v1/transit/keys/release")
        return [
          200,
          {
            data: {
              latest_version: 2,
              keys: { "1": { public_key: "old" }, "2": { public_key: pem(pairs[kind].publicKey) } },
            },
          },
        ];
      const hashName = { p256: "/sha2-256", p384: "/sha2-384", rsa: "/sha2-256", ed: "" }[kind];
      if (method !== "POST" || path !== `/v1/transit/sign/release${hashName}`) return [404, { errors: [path] }];
      const prehashed = body["prehashed"] === true;
      if (prehashed !== (kind !== "ed")) return [400, { errors: ["prehashed"] }];
      return [200, { data: { signature: `vault:v2:${signing(kind, bytes(body["input"])).toString("base64")}` } }];
    });
  const env = (host: string, token = "secret") => ({ VAULT_ADDR: `http://${host}`, VAULT_TOKEN: token });

  test.each(["p256", "p384", "rsa", "ed"] as const)("signs with a key of kind %s, its newest version", async (kind) => {
    expect(await signs("hashivault://release", env((await transit(kind)).host), kind)).toBe(true);
  });

  test("a refusal names Vault's words and not the token", async () => {
    const { host } = await transit("p256");
    await expect(signs("hashivault://release", env(host, "another-secret"), "p256")).rejects.toMatchObject({
      code: "SIGNING_FAILED",
      message: expect.stringMatching(/^Vault refused \(403\).*permission denied/),
    });
  });
});

describe("AWS KMS", () => {
  const credentials = {
    AWS_ACCESS_KEY_ID: "AKID",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_SESSION_TOKEN: "session",
    AWS_REGION: "eu-test-1",
  };
  const kms = (kind: Kind) =>
    service((asked) => {
      if (!isSigned(asked)) return [403, { __type: "InvalidSignatureException" }];
      const { headers, body } = asked;
      if (body["KeyId"] !== "alias/release") return [400, { __type: "NotFoundException" }];
      if (headers["x-amz-target"] === "TrentService.GetPublicKey")
        return [200, { PublicKey: pairs[kind].publicKey.export({ format: "der", type: "spki" }).toString("base64") }];
      const algorithm = { p256: "ECDSA_SHA_256", p384: "ECDSA_SHA_384", rsa: "RSASSA_PKCS1_V1_5_SHA_256", ed: "" }[
        kind
      ];
      if (body["SigningAlgorithm"] !== algorithm || body["MessageType"] !== "DIGEST")
        return [400, { __type: "ValidationException" }];
      return [200, { Signature: signing(kind, bytes(body["Message"])).toString("base64") }];
    });

  /** The service's side of Signature Version 4, from what came over the wire. */
  function isSigned({ headers, text: body }: Asked): boolean {
    const found =
      /^AWS4-HMAC-SHA256 Credential=AKID\/(\d{8})\/eu-test-1\/kms\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
        headers.authorization ?? "",
      );
    const [, day = "", names = "", signature] = found ?? [];
    if (
      !["content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"].every((name) =>
        names.split(";").includes(name),
      )
    )
      return false;
    const lines = names
      .split(";")
      .map((name) => `${name}:${text(headers[name])}\n`)
      .join("");
    const canonical = `POST\n/\n\n${lines}\n${names}\n${createHash("sha256").update(body).digest("hex")}`;
    const scope = `${day}/eu-test-1/kms/aws4_request`;
    const toSign = `AWS4-HMAC-SHA256\n${text(headers["x-amz-date"])}\n${scope}\n${createHash("sha256").update(canonical).digest("hex")}`;
    let key: Buffer = Buffer.from("AWS4secret");
    for (const part of [day, "eu-test-1", "kms", "aws4_request", toSign])
      key = createHmac("sha256", key).update(part).digest();
    return key.toString("hex") === signature;
  }

  test.each(["p256", "p384", "rsa"] as const)(
    "signs with a key of kind %s, each request signed as AWS wants it",
    async (kind) => {
      expect(await signs(`awskms://${(await kms(kind)).host}/alias/release`, credentials, kind)).toBe(true);
    },
  );

  test("a wrong secret is refused there, and said", async () => {
    const { host } = await kms("p256");
    const wrong = { ...credentials, AWS_SECRET_ACCESS_KEY: "other-secret" };
    await expect(signs(`awskms://${host}/alias/release`, wrong, "p256")).rejects.toMatchObject({
      message: expect.stringContaining("InvalidSignatureException"),
    });
  });

  test("the published case post-vanilla of AWS's own suite comes out as published", () => {
    const { authorization } = awsHeaders(
      {
        address: new URL("https://example.amazonaws.com/"),
        service: "service",
        region: "us-east-1",
        body: "",
        at: Date.parse("2015-08-30T12:36:00Z"),
      },
      { access: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", session: undefined },
      {},
    );
    expect(authorization).toContain("Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  });
});

describe("Google Cloud KMS", () => {
  const name = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/3";
  const kms = (kind: Kind, signedWith = name) =>
    service(({ method, path, headers, body }) => {
      if (headers.authorization !== "Bearer secret") return [401, { error: { status: "UNAUTHENTICATED" } }];
      if (method === "GET" && path === `/v1/${name}/publicKey`) return [200, { pem: pem(pairs[kind].publicKey), name }];
      if (method !== "POST" || path !== `/v1/${name}:asymmetricSign`) return [404, {}];
      const given =
        kind === "ed" ? body["data"] : (body["digest"] as Readonly<Record<string, unknown>>)[algorithms[kind] ?? ""];
      return [200, { signature: signing(kind, bytes(given)).toString("base64"), name: signedWith }];
    });
  const env = (host: string, token = "secret") => ({
    CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: `http://${host}/`,
    GOOGLE_OAUTH_ACCESS_TOKEN: token,
  });

  test.each(["p256", "p384", "rsa", "ed"] as const)("signs with a key version of kind %s", async (kind) => {
    expect(await signs(`gcpkms://${name}`, env((await kms(kind)).host), kind)).toBe(true);
  });

  test("a signature by another version than asked is refused, and so is a token that is not known", async () => {
    const { host } = await kms("p256", name.replace("/3", "/4"));
    await expect(signs(`gcpkms://${name}`, env(host), "p256")).rejects.toMatchObject({
      message: expect.stringContaining("another key"),
    });
    await expect(signs(`gcpkms://${name}`, env(host, "other"), "p256")).rejects.toMatchObject({
      message: expect.stringContaining("UNAUTHENTICATED"),
    });
  });
});

describe("Azure Key Vault", () => {
  const version = "0123456789abcdef0123456789abcdef";
  const vault = (kind: Kind) =>
    service(({ method, path, headers, body }) => {
      if (headers.authorization !== "Bearer secret") return [401, { error: { code: "Unauthorized" } }];
      const { kty, ...jwk } = pairs[kind].publicKey.export({ format: "jwk" });
      if (method === "GET" && path === "/keys/release?api-version=7.4")
        return [
          200,
          { key: { kid: `https://v.vault.azure.net/keys/release/${version}`, kty: `${kty ?? ""}-HSM`, ...jwk } },
        ];
      const algorithm = { p256: "ES256", p384: "ES384", rsa: "RS256", ed: "" }[kind];
      if (method !== "POST" || path !== `/keys/release/${version}/sign?api-version=7.4` || body["alg"] !== algorithm)
        return [400, { error: path }];
      const given = Buffer.from(text(body["value"]), "base64url");
      return [200, { value: signing(kind, given, "ieee-p1363").toString("base64url") }];
    });

  test.each(["p256", "p384", "rsa"] as const)(
    "signs with a key of kind %s, its signature written as bundles hold it",
    async (kind) => {
      expect(
        await signs(`azurekms://${(await vault(kind)).host}/release`, { AZURE_KEYVAULT_ACCESS_TOKEN: "secret" }, kind),
      ).toBe(true);
    },
  );
});

test("r and s side by side become DER with the fewest bytes", () => {
  const [r, s] = [Buffer.alloc(32), Buffer.alloc(32)];
  r[31] = 5;
  s[0] = 0x80;
  expect(derSignature(Buffer.concat([r, s])).toString("hex")).toBe(`3026020105022100${s.toString("hex")}`);
});

test.each<readonly [string, Readonly<Record<string, string>>, string]>([
  ["hashivault://release", {}, "set VAULT_ADDR and VAULT_TOKEN"],
  ["hashivault://release", { VAULT_ADDR: "http://vault.test", VAULT_TOKEN: "x" }, "use an https address"],
  ["hashivault://../sys", { VAULT_ADDR: "https://vault.test", VAULT_TOKEN: "x" }, "write hashivault://NAME"],
  ["awskms:///alias/release", {}, "set AWS_ACCESS_KEY_ID"],
  ["awskms:///a b", { AWS_REGION: "r" }, "write awskms:///KEY-ID"],
  ["gcpkms://projects/p", {}, "write gcpkms://projects/"],
  ["azurekms://v.vault.azure.net/release", {}, "set AZURE_KEYVAULT_ACCESS_TOKEN"],
  ["azurekms://v.vault.azure.net/re/lease", {}, "write azurekms://"],
  ["pkcs11:object=k?pin-value=1234&module-path=/m.so", {}, "take pin-value out"],
  ["pkcs11:object=k", {}, "add ?module-path="],
  ["pkcs11:token=t?module-path=/m.so", {}, "add object=LABEL"],
  ["pkcs11:object=k;surprise=1?module-path=/m.so", {}, "use token, object, id"],
])("%s with %j is refused with what to write", async (reference, env, remedy) => {
  const opened = openSigner(reference, { cwd: "/", env, fetch, now: Date.now }).then((signer) => signer.sign(data));
  await expect(opened).rejects.toMatchObject({ code: "SIGNING_FAILED", remedy: expect.stringContaining(remedy) });
});

test.each<readonly [string, (host: string) => Reply, string]>([
  ["says too much", () => [200, JSON.stringify({ data: "x".repeat(2 * 1024 * 1024) })], "larger than"],
  ["answers with no JSON", () => [200, "<html>"], "cannot be used"],
  ["sends elsewhere", () => [302, {}], "cannot be asked"],
])("a service that %s gives no signature", async (_name, reply, says) => {
  const { host } = await service(() => reply(""));
  await expect(
    signs("hashivault://release", { VAULT_ADDR: `http://${host}`, VAULT_TOKEN: "secret" }, "p256"),
  ).rejects.toMatchObject({
    code: "SIGNING_FAILED",
    message: expect.stringContaining(says),
  });
});
