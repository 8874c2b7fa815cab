import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { forgedIssuer, forgeSigstore, type ForgedSigstore } from "../support/forge-sigstore.ts";

const home = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "provost-attested-"));
let sigstore: ForgedSigstore;

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The real program, as a CI job starts it. */
function provost(line: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const args = ["--disable-warning=ExperimentalWarning", join(home, "agent/provost.ts"), ...line.split(" ")];
  return new Promise((resolve, reject) => {
    const clean = { PATH: process.env["PATH"] ?? "", HOME: folder, ...env };
    const child = spawn(process.execPath, args, { cwd: folder, env: clean, stdio: ["ignore", "pipe", "pipe"] });
    const texts = { out: "", err: "" };
    child.stdout.on("data", (chunk: Buffer) => (texts.out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (texts.err += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...texts }));
  });
}

beforeAll(async () => {
  sigstore = await forgeSigstore();
  const put = (name: string, value: unknown): void =>
    writeFileSync(join(folder, name), typeof value === "string" ? value : JSON.stringify(value));
  mkdirSync(join(folder, "var/lib/dpkg"), { recursive: true });
  put("var/lib/dpkg/status", "");
  put("root.json", sigstore.trustedRoot);
  put("config.json", sigstore.signingConfig(2));
  put("trust.json", { sigstore: [sigstore.trustedRoot] });
  put("app", "an application\n");
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  put("release.key", privateKey.export({ format: "pem", type: "pkcs8" }).toString());
  put("release.pub", publicKey.export({ format: "pem", type: "spki" }).toString());
});
afterAll(async () => {
  await sigstore.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a job's ambient identity signs, and whoever expects that identity accepts", async () => {
  const identity = "https://ci.test/release@refs/tags/v1";
  const env = { SIGSTORE_ID_TOKEN: sigstore.token({ sub: identity }) };
  const signed = await provost("attest app --keyless --signing-config config.json --trusted-root root.json", env);
  expect(signed).toMatchObject({ code: 0, err: "" });
  const expects = (who: string): string => `verify app --trust trust.json --issuer ${forgedIssuer} --identity ${who}`;
  expect(await provost(expects(identity))).toMatchObject({ code: 0, err: "" });
  expect(await provost(expects(identity.slice(0, -1)))).toMatchObject({ code: 1, err: "" });
  const suite = `verify-bundle --bundle app.sigstore.json --certificate-identity ${identity} --certificate-oidc-issuer ${forgedIssuer} --trusted-root root.json app`;
  expect(await provost(suite)).toMatchObject({ code: 0, err: "" });
});

test("a key of one's own signs, and another's file is not covered", async () => {
  expect(await provost("attest app --key release.key")).toMatchObject({ code: 0, err: "" });
  expect(await provost("verify app --key release.pub")).toMatchObject({ code: 0, err: "" });
  writeFileSync(join(folder, "app"), "another application\n");
  const changed = await provost("verify app --key release.pub --json");
  expect(changed.code).toBe(3);
  expect(JSON.parse(changed.out)).toMatchObject({ verdict: { standing: "unproven", basis: "none" } });
});

test("without an identity in the job nothing is signed, and the job is told what to add", async () => {
  const ran = await provost("attest app --keyless --signing-config config.json --trusted-root root.json");
  expect(ran).toMatchObject({ code: 2, out: "" });
  expect(ran.err).toMatch(
    /^SIGNING_FAILED: this job carries no identity token\n {2}GitHub: permissions id-token: write/,
  );
});
