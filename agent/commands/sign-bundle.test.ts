import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { forgedIssuer, forgeSigstore, type ForgedSigstore } from "../../test/support/forge-sigstore.ts";
import { runProvost, type Ran } from "../../test/support/run-provost.ts";

// Whole commands on a machine that may be busy with others.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const cwd = mkdtempSync(join(tmpdir(), "provost-sign-"));
const identity = "https://ci.test/workflow@refs/heads/main";
const file = (name: string): string => join(cwd, name);
const json = (name: string): Record<string, never> =>
  JSON.parse(readFileSync(file(name), "utf8")) as Record<string, never>;
const put = (name: string, value: unknown): void =>
  writeFileSync(file(name), typeof value === "string" ? value : JSON.stringify(value));
let sigstore: ForgedSigstore;
let other: ForgedSigstore;

beforeAll(async () => {
  [sigstore, other] = await Promise.all([forgeSigstore(), forgeSigstore()]);
  put("root.json", sigstore.trustedRoot);
  put("other.json", other.trustedRoot);
  for (const rekor of [1, 2] as const) put(`config${rekor}.json`, sigstore.signingConfig(rekor));
  put("a.txt", "hello\n");
  put("b.txt", "other\n");
  put("statement.json", {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "a.txt", digest: { sha256: createHash("sha256").update("hello\n").digest("hex") } }],
    predicateType: "https://example.test/predicate/v1",
    predicate: { any: "thing" },
  });
});
afterAll(async () => {
  await Promise.all([sigstore.close(), other.close()]);
  rmSync(cwd, { recursive: true, force: true });
});

const run = (...args: readonly (string | readonly string[])[]): Promise<Ran> => runProvost(args.flat(), { cwd });
const sign = (bundle: string, rekor: 1 | 2, what: string, ...more: readonly string[]): Promise<Ran> =>
  run(
    ["sign-bundle", ...more, "--identity-token", sigstore.token({ sub: identity }), "--bundle", bundle],
    ["--trusted-root", "root.json", "--signing-config", `config${rekor}.json`, what],
  );
const verify = (bundle: string, what: string, who = identity, root = "root.json"): Promise<Ran> =>
  run(
    ["verify-bundle", "--bundle", bundle, "--certificate-identity", who],
    ["--certificate-oidc-issuer", forgedIssuer, "--trusted-root", root, what],
  );

describe.each([1, 2] as const)("signed keyless and witnessed by Rekor v%d", (rekor) => {
  test("a file's bundle is of version 0.3, holds for the file and for its digest, and for nothing else", async () => {
    const bundle = `file${rekor}.json`;
    expect(await sign(bundle, rekor, "a.txt")).toMatchObject({ code: 0, err: "" });
    expect(json(bundle)).toMatchObject({
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      messageSignature: { messageDigest: { algorithm: "SHA2_256" } },
      verificationMaterial: {
        certificate: {},
        tlogEntries: [{ kindVersion: { version: rekor === 1 ? "0.0.1" : "0.0.2" } }],
      },
    });
    const digest = createHash("sha256").update("hello\n").digest("hex");
    expect(await verify(bundle, "a.txt")).toMatchObject({ code: 0, err: "" });
    expect(await verify(bundle, `sha256:${digest}`)).toMatchObject({ code: 0 });
    expect(await verify(bundle, "b.txt")).toMatchObject({ code: 1 });
    expect(await verify(bundle, `sha256:${"1".repeat(64)}`)).toMatchObject({ code: 1 });
    expect(await verify(bundle, "a.txt", `${identity}x`)).toMatchObject({ code: 1 });
    expect(await verify(bundle, "a.txt", identity.slice(0, -1))).toMatchObject({ code: 1 });
    expect((await verify(bundle, "a.txt", identity, "other.json")).code).not.toBe(0);
  });

  test("--in-toto signs the statement letter by letter, and the bundle is about its subject", async () => {
    const bundle = `statement${rekor}.json`;
    expect(await sign(bundle, rekor, "statement.json", "--in-toto")).toMatchObject({ code: 0, err: "" });
    const { dsseEnvelope, messageSignature } = json(bundle) as Record<string, { payload: string } | undefined>;
    expect([Buffer.from(dsseEnvelope?.payload ?? "", "base64"), messageSignature]).toEqual([
      readFileSync(file("statement.json")),
      undefined,
    ]);
    expect(await verify(bundle, "a.txt")).toMatchObject({ code: 0 });
    expect(await verify(bundle, "b.txt")).toMatchObject({ code: 1 });
  });
});

const material = "verificationMaterial";
const entry = `${material}.tlogEntries.0`;
const zeros = Buffer.alloc(32).toString("base64");

test.each<readonly [string, string, (value: unknown) => unknown]>([
  ["another log entry's body", `${entry}.canonicalizedBody`, () => Buffer.from("{}").toString("base64")],
  ["no log entry", `${material}.tlogEntries`, () => []],
  ["the log entry twice", `${material}.tlogEntries`, (entries) => [entries, entries].flat()],
  ["no inclusion proof", `${entry}.inclusionProof`, () => undefined],
  ["another tree than the checkpoint's", `${entry}.inclusionProof.rootHash`, () => zeros],
  ["one hash more in its inclusion proof", `${entry}.inclusionProof.hashes`, (hashes) => [hashes, zeros].flat()],
  ["a place beyond the log's end", `${entry}.inclusionProof.logIndex`, () => "99"],
  ["an edited checkpoint", `${entry}.inclusionProof.checkpoint.envelope`, (note) => String(note).replace("42", "43")],
  ["another promise", `${entry}.inclusionPromise.signedEntryTimestamp`, () => "MAYCAQECAQE="],
  ["another time", `${entry}.integratedTime`, (time) => String(Number(time) - 1)],
  ["no certificate", `${material}.certificate`, () => undefined],
  ["a key's hint beside the certificate", `${material}.publicKey`, () => ({ hint: "x" })],
  [
    "a chain beside the certificate",
    `${material}.x509CertificateChain`,
    () => ({ certificates: [{ rawBytes: zeros }] }),
  ],
  ["another digest", "messageSignature.messageDigest.digest", () => zeros],
  ["another signature", "messageSignature.signature", () => "MAYCAQECAQE="],
  ["no content", "messageSignature", () => undefined],
  ["no material", material, () => undefined],
  ["an unknown member", "surprise", () => true],
  ["an unknown version", "mediaType", () => "application/vnd.dev.sigstore.bundle.v0.9+json"],
])("a bundle with %s is refused with a reason", async (_name, path, change) => {
  await sign("good.json", 1, "a.txt");
  put("bad.json", changed(json("good.json"), path.split("."), change));
  const ran = await verify("bad.json", "a.txt");
  expect(ran.code).not.toBe(0);
  expect(ran.err).toMatch(/^refused: \w/);
});

/** The same document with one member changed. */
function changed(value: unknown, [name, ...rest]: readonly string[], change: (value: unknown) => unknown): unknown {
  if (name === undefined) return change(value);
  if (Array.isArray(value)) return value.map((item, at) => (String(at) === name ? changed(item, rest, change) : item));
  const members = { ...(value as Record<string, unknown>) };
  return { ...members, [name]: changed(members[name], rest, change) };
}

describe("what goes wrong is said", () => {
  const token = (claims: object = {}): string => sigstore.token({ sub: identity, ...claims });
  const wrong = (...args: readonly string[]) =>
    run(["sign-bundle", "--bundle", "none.json", "--trusted-root", "root.json"], ...args);
  const config = ["--signing-config", "config1.json"];

  test.each<readonly [string, () => Promise<Ran>, number, string]>([
    [
      "a token that is none",
      () => wrong("--identity-token", "secret", ...config, "a.txt"),
      2,
      "SIGNING_FAILED: the identity token is no",
    ],
    [
      "an expired token",
      () => wrong("--identity-token", token({ exp: 1 }), ...config, "a.txt"),
      2,
      "gave no certificate",
    ],
    [
      "a file that is not there",
      () => wrong("--identity-token", token(), ...config, "none.txt"),
      2,
      "NOT_FOUND: the file ",
    ],
    [
      "a statement that is none",
      () => wrong("--identity-token", token(), ...config, "--in-toto", "a.txt"),
      2,
      "is no in-toto statement",
    ],
    [
      "a signing configuration that is none",
      () => wrong("--identity-token", token(), "--signing-config", "root.json", "a.txt"),
      2,
      "media type",
    ],
    [
      "staging without its root",
      () => run("sign-bundle", "--staging", "--identity-token", "x", "--bundle", "b", "a.txt"),
      2,
      "--trusted-root",
    ],
    [
      "a root that does not know the instance",
      () =>
        run(
          "sign-bundle",
          "--identity-token",
          token(),
          "--bundle",
          "none.json",
          "--trusted-root",
          "other.json",
          ...config,
          "a.txt",
        ),
      2,
      "does not hold",
    ],
    [
      "a folder that is not there",
      () =>
        run(
          "sign-bundle",
          "--identity-token",
          token(),
          "--bundle",
          "no/where.json",
          "--trusted-root",
          "root.json",
          ...config,
          "a.txt",
        ),
      2,
      "cannot be written",
    ],
  ])("%s", async (_name, go, code, says) => {
    const ran = await go();
    expect([ran.code, ran.out]).toEqual([code, ""]);
    expect(ran.err).toContain(says);
    expect(ran.err).not.toContain("secret");
    expect(existsSync(file("none.json"))).toBe(false);
  });

  test("a log that refuses leaves nothing written", async () => {
    const broken = await forgeSigstore();
    broken.fail("/api/v1/log/entries", 400);
    put("broken.json", broken.signingConfig(1));
    put("broken-root.json", broken.trustedRoot);
    const ran = await run(
      ["sign-bundle", "--identity-token", token(), "--bundle", "none.json"],
      ["--trusted-root", "broken-root.json", "--signing-config", "broken.json", "a.txt"],
    );
    await broken.close();
    expect(ran).toMatchObject({ code: 2, out: "" });
    expect(ran.err).toContain("did not witness the signature");
    expect(existsSync(file("none.json"))).toBe(false);
  });
});
