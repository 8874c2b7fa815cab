import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { preAuthEncoding } from "@provost/shared/provenance/intoto/envelope.ts";
import { forgeLog } from "../../test/support/forge-log.ts";
import { forgedIssuer, forgeSigstore, type ForgedSigstore } from "../../test/support/forge-sigstore.ts";
import { runProvost, type Ran } from "../../test/support/run-provost.ts";

// Whole commands on a machine that may be busy with others.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const cwd = mkdtempSync(join(tmpdir(), "provost-verify-bundle-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const put = (name: string, value: unknown): string => {
  writeFileSync(join(cwd, name), typeof value === "string" ? value : JSON.stringify(value));
  return name;
};
const run = (...args: readonly string[]): Promise<Ran> => runProvost(["verify-bundle", ...args], { cwd });
const sha256 = (data: string | Buffer): Buffer => createHash("sha256").update(data).digest();

const artefact = "an artefact\n";
const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ownPem = own.publicKey.export({ format: "pem", type: "spki" }).toString();
const log = forgeLog(() => "log.test", Date.now);
const root = (...tlogs: readonly object[]) => ({
  mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
  tlogs,
});
const tlog = (validFor?: object) => ({
  baseUrl: "https://log.test",
  publicKey: { rawBytes: log.spki.toString("base64"), ...(validFor === undefined ? {} : { validFor }) },
  logId: { keyId: log.id.toString("base64") },
});
const since = { start: "2020-01-01T00:00:00Z" };

put("a.txt", artefact);
put("b.txt", "another\n");
put("own.pub", ownPem);
put(
  "other.pub",
  generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "pem", type: "spki" }).toString(),
);
put("no-log.json", root());
put("log.json", root(tlog(since)));

const message = (entries: readonly object[], hint = "any hint", key: KeyObject = own.privateKey) => ({
  mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
  verificationMaterial: { publicKey: { hint }, tlogEntries: entries },
  messageSignature: {
    messageDigest: { algorithm: "SHA2_256", digest: sha256(artefact).toString("base64") },
    signature: sign("sha256", Buffer.from(artefact), key).toString("base64"),
  },
});

function envelope(statement: object, entry: (signature: Buffer, payload: Buffer, pae: Buffer) => object) {
  const payload = Buffer.from(JSON.stringify(statement));
  const payloadType = "application/vnd.in-toto+json";
  const pae = preAuthEncoding({ payload, payloadType });
  const signature = sign("sha256", pae, own.privateKey);
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      publicKey: { hint: sha256(own.publicKey.export({ format: "der", type: "spki" })).toString("base64") },
      tlogEntries: [entry(signature, payload, pae)],
      timestampVerificationData: { rfc3161Timestamps: [] },
    },
    dsseEnvelope: {
      payload: payload.toString("base64"),
      payloadType,
      signatures: [{ sig: signature.toString("base64"), keyid: "" }],
    },
  };
}
const statement = (more: object = {}) => ({
  _type: "https://in-toto.io/Statement/v1",
  subject: [{ name: "a.txt", digest: { sha256: sha256(artefact).toString("hex") } }],
  predicateType: "https://example.test/anything",
  predicate: {},
  ...more,
});
const pem64 = Buffer.from(ownPem).toString("base64");
const inToto = (signature: Buffer, payload: Buffer) =>
  log.record("intoto", "0.0.2", {
    apiVersion: "0.0.2",
    kind: "intoto",
    spec: {
      content: {
        envelope: {
          payloadType: "application/vnd.in-toto+json",
          signatures: [{ publicKey: pem64, sig: Buffer.from(signature.toString("base64")).toString("base64") }],
        },
        hash: { algorithm: "sha256", value: "0".repeat(64) },
        payloadHash: { algorithm: "sha256", value: sha256(payload).toString("hex") },
      },
    },
  });
const hashed = (over: (payload: Buffer, pae: Buffer) => Buffer) => (signature: Buffer, payload: Buffer, pae: Buffer) =>
  log.record("hashedrekord", "0.0.1", {
    apiVersion: "0.0.1",
    kind: "hashedrekord",
    spec: {
      data: { hash: { algorithm: "sha256", value: sha256(over(payload, pae)).toString("hex") } },
      signature: { content: signature.toString("base64"), publicKey: { content: pem64 } },
    },
  });

describe("with a key of the asker's", () => {
  test.each<readonly [string, () => object, readonly string[], number]>([
    ["a message, and a root whose owner keeps no log", () => message([]), ["--trusted-root", "no-log.json"], 0],
    ["a message without hint", () => message([], ""), ["--trusted-root", "no-log.json"], 0],
    ["a message without log entry, and a root that names a log", () => message([]), ["--trusted-root", "log.json"], 4],
    ["a message without log entry, and the public root", () => message([]), [], 4],
    [
      "a message of another key",
      () => message([], "", generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
      ["--trusted-root", "no-log.json"],
      1,
    ],
    [
      "a statement that the log holds by its payload's hash",
      () => envelope(statement(), inToto),
      ["--trusted-root", "log.json"],
      0,
    ],
    [
      "a statement that the log holds as a hash of what was signed",
      () =>
        envelope(
          statement(),
          hashed((_payload, pae) => pae),
        ),
      ["--trusted-root", "log.json"],
      0,
    ],
    [
      "a statement that the log holds as a hash of its payload alone",
      () =>
        envelope(
          statement(),
          hashed((payload) => payload),
        ),
      ["--trusted-root", "log.json"],
      1,
    ],
    [
      "a statement whose log has no beginning",
      () => envelope(statement(), inToto),
      ["--trusted-root", put("no-start.json", root(tlog({})))],
      2,
    ],
    [
      "a statement without type",
      () => envelope(statement({ _type: undefined }), inToto),
      ["--trusted-root", "log.json"],
      4,
    ],
    [
      "a statement of an unknown type",
      () => envelope(statement({ _type: "https://in-toto.io/Statement/v9" }), inToto),
      ["--trusted-root", "log.json"],
      4,
    ],
    [
      "a statement about no file",
      () => envelope(statement({ subject: [] }), inToto),
      ["--trusted-root", "log.json"],
      4,
    ],
  ])("%s", async (_name, bundle, options, code) => {
    put("bundle.json", bundle());
    const ran = await run("--bundle", "bundle.json", "--key", "own.pub", ...options, "a.txt");
    expect([ran.code, ran.err === ""]).toEqual([code, code === 0]);
  });

  test("a log entry's signature of another key is refused, whatever the hint says", async () => {
    put("bundle.json", envelope(statement(), inToto));
    const ran = await run("--bundle", "bundle.json", "--key", "other.pub", "--trusted-root", "log.json", "a.txt");
    expect(ran).toMatchObject({ code: 1, out: "" });
  });
});

describe("with a certificate", () => {
  let sigstore: ForgedSigstore;
  let decoy: ForgedSigstore;
  const identity = "https://ci.test/w@refs/heads/main";
  const who = ["--certificate-identity", identity, "--certificate-oidc-issuer", forgedIssuer];
  beforeAll(async () => {
    [sigstore, decoy] = await Promise.all([forgeSigstore(), forgeSigstore()]);
    put("root.json", sigstore.trustedRoot);
    put("config.json", sigstore.signingConfig(1));
    const signed = await runProvost(
      [
        "sign-bundle",
        "--identity-token",
        sigstore.token({ sub: identity }),
        "--bundle",
        "cert.json",
        "--trusted-root",
        "root.json",
        "--signing-config",
        "config.json",
        "a.txt",
      ],
      { cwd },
    );
    if (signed.code !== 0) throw new Error(signed.err);
  });
  afterAll(() => Promise.all([sigstore.close(), decoy.close()]));

  test("an authority of the same name and another key stands before the right one, and does not matter", async () => {
    const [mine, theirs] = [sigstore, decoy].map(
      ({ trustedRoot }) => trustedRoot as { certificateAuthorities: object[] },
    );
    const certificateAuthorities = [theirs?.certificateAuthorities, mine?.certificateAuthorities].flat();
    put("both.json", { ...sigstore.trustedRoot, certificateAuthorities });
    expect(await run("--bundle", "cert.json", ...who, "--trusted-root", "both.json", "a.txt")).toMatchObject({
      code: 0,
    });
  });

  test.each<readonly [string, readonly string[], number, string]>([
    ["nobody named", [], 2, "who should have signed was not said"],
    ["an identity without issuer", ["--certificate-identity", identity], 2, "who should have signed"],
    ["key and identity at once", [...who, "--key", "own.pub"], 2, "exclude each other"],
    ["a key where a certificate signed", ["--key", "own.pub"], 1, "a key was expected"],
    ["a key file that holds none", ["--key", "a.txt"], 2, "no PEM block"],
    [
      "another issuer",
      ["--certificate-identity", identity, "--certificate-oidc-issuer", "https://other.test"],
      1,
      "who was not expected",
    ],
    ["staging without a root", ["--staging", ...who], 2, "--trusted-root"],
    ["a root that is none", [...who, "--trusted-root", "a.txt"], 2, "is not read"],
    ["a root that is an empty object", [...who, "--trusted-root", put("empty.json", {})], 2, "malformed"],
  ])("%s", async (_name, options, code, says) => {
    const roots =
      options.includes("--trusted-root") || options.includes("--staging") ? [] : ["--trusted-root", "root.json"];
    const ran = await run("--bundle", "cert.json", ...options, ...roots, "a.txt");
    expect([ran.code, ran.out]).toEqual([code, ""]);
    expect(ran.err).toContain(says);
  });

  test.each<readonly [string, string, number]>([
    ["that is not there", "none.json", 2],
    ["that is a folder", ".", 2],
    ["that is empty", put("nothing.json", ""), 4],
    ["that is no JSON", "a.txt", 4],
    ["with a name twice", put("twice.json", '{"mediaType":"a","mediaType":"b"}'), 4],
    ["nested without end", put("deep.json", "[".repeat(100_000)), 4],
    ["that is larger than is read", "huge.json", 7],
  ])("a bundle %s", async (_name, bundle, code) => {
    if (bundle === "huge.json") writeFileSync(join(cwd, bundle), Buffer.alloc(32 * 1024 * 1024 + 1, 0x20));
    const ran = await run("--bundle", bundle, ...who, "--trusted-root", "root.json", "a.txt");
    expect([ran.code, ran.out]).toEqual([code, ""]);
    expect(ran.err.length).toBeGreaterThan(20);
  });

  test("a file named like a digest is a file, and a digest of the wrong length is a file's name", async () => {
    const digest = `sha256:${sha256(artefact).toString("hex")}`;
    const options = ["--bundle", "cert.json", ...who, "--trusted-root", "root.json"];
    expect(await run(...options, digest.toUpperCase().replace("SHA", "sha"))).toMatchObject({ code: 0 });
    put(digest, "other bytes");
    expect(await run(...options, digest)).toMatchObject({ code: 1 });
    rmSync(join(cwd, digest));
    expect((await run(...options, digest.slice(0, -1))).err).toContain("NOT_FOUND");
  });
});
