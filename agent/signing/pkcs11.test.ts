import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openSigner } from "./open-signer.ts";
import { pointPem, readListing } from "./pkcs11-listing.ts";

// Whole commands on a machine that may be busy with others.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** A token in software, where OpenSC and SoftHSM are installed. */
const module = [
  process.env["PROVOST_SOFTHSM_MODULE"] ?? "",
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib64/pkcs11/libsofthsm2.so",
].find((path) => path !== "" && existsSync(path));
const tools = ["softhsm2-util", "pkcs11-tool"].every((name) =>
  (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, name))),
);
const ready = module !== undefined && tools;
if (!ready) process.stderr.write("skipped: PKCS#11 needs pkcs11-tool (opensc) and softhsm2\n");

describe.skipIf(!ready)("a key in a token", () => {
  // Where the suite is skipped, nothing is made that nobody would take away.
  const folder = ready ? mkdtempSync(join(tmpdir(), "provost-hsm-")) : "";
  const env = {
    ...Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    SOFTHSM2_CONF: join(folder, "softhsm2.conf"),
  };
  const pin = "98765";
  const data = Buffer.from("what is signed");
  const open = (uri: string, more: Readonly<Record<string, string>> = {}) =>
    openSigner(`pkcs11:${uri}?module-path=${module ?? ""}`, {
      cwd: folder,
      env: { ...env, ...more },
      fetch,
      now: Date.now,
    });

  beforeAll(() => {
    mkdirSync(join(folder, "tokens"));
    writeFileSync(env.SOFTHSM2_CONF, `directories.tokendir = ${join(folder, "tokens")}\nobjectstore.backend = file\n`);
    writeFileSync(join(folder, "pin"), `${pin}\n`);
    const quiet = { env, stdio: "ignore" } as const;
    execFileSync(
      "softhsm2-util",
      ["--module", module ?? "", "--init-token", "--free", "--label", "release", "--pin", pin, "--so-pin", "1111"],
      quiet,
    );
    for (const [type, label, id] of [
      ["EC:prime256v1", "p256", "01"],
      ["EC:secp384r1", "p384", "02"],
      ["rsa:2048", "rsa", "03"],
    ] as const)
      execFileSync(
        "pkcs11-tool",
        [
          "--module",
          module ?? "",
          "--token-label",
          "release",
          "--login",
          "--pin",
          pin,
          "--keypairgen",
          "--key-type",
          type,
          "--label",
          label,
          "--id",
          id,
        ],
        quiet,
      );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ["token=release;object=p256", "sha256"],
    ["token=release;object=p384", "sha384"],
    ["token=release;id=%03", "sha256"],
  ])("%s signs, with the PIN from the environment", async (uri, algorithm) => {
    const { bytes, by } = await (await open(uri, { PROVOST_PKCS11_PIN: pin })).sign(data);
    expect(verify(algorithm, data, createPublicKey(by.pem), bytes)).toBe(true);
  });

  test("each label signs with its own key", async () => {
    const keys = await Promise.all(
      ["p256", "p384", "rsa"].map(
        async (label) =>
          (await (await open(`token=release;object=${label}`, { PROVOST_PKCS11_PIN: pin })).sign(data)).by.pem,
      ),
    );
    expect(new Set(keys).size).toBe(3);
  });

  test("the PIN may come from a file", async () => {
    const uri = `pkcs11:token=release;object=p256?module-path=${module ?? ""}&pin-source=file:${join(folder, "pin")}`;
    const signer = await openSigner(uri, { cwd: folder, env, fetch, now: Date.now });
    expect((await signer.sign(data)).by.kind).toBe("key");
  });

  test.each([
    ["a wrong PIN", "token=release;object=p256", "11111"],
    ["a key that is not there", "token=release;object=none", pin],
    ["a token that is not there", "token=none;object=p256", pin],
  ])("%s is refused in words, without the PIN", async (_name, uri, secret) => {
    const failed = (await open(uri, { PROVOST_PKCS11_PIN: secret })).sign(data);
    await expect(failed).rejects.toMatchObject({
      code: "SIGNING_FAILED",
      message: expect.not.stringContaining(secret),
    });
  });
});

test("a listing tells keys apart by kind, label and id, and gives a key on a curve whole", () => {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const point = publicKey.export({ format: "der", type: "spki" }).subarray(-97).toString("hex");
  const listing = `Private Key Object; EC\n  label:      a\n  ID:         01\nPublic Key Object; EC  EC_POINT 384 bits\n  EC_POINT:   0461${point}\n  EC_PARAMS:  06052b81040022 (OID 1.3.132.0.34)\n  label:      b\n  ID:         02\nCertificate Object; type = X.509 cert\n  label:      a\n`;
  const [first, second, third] = readListing(listing);
  expect([first, third]).toEqual([
    { kind: "private", label: "a", id: "01", point: undefined, parameters: undefined },
    undefined,
  ]);
  expect(second).toMatchObject({ kind: "public", label: "b", id: "02" });
  expect(second === undefined ? "" : pointPem(second)).toBe(
    publicKey.export({ format: "pem", type: "spki" }).toString(),
  );
});
