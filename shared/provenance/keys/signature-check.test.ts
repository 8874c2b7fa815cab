import { generateKeyPairSync, sign } from "node:crypto";
import { expect, test } from "vitest";
import { publicKey } from "./public-key.ts";
import { settle, settleTogether, signatureCheck, type SignatureCheck } from "./signature-check.ts";

const data = Buffer.from("what was signed");

function made(curve: string, digest: string, over = data): SignatureCheck {
  const key = generateKeyPairSync("ec", { namedCurve: curve });
  const known = publicKey(key.publicKey.export({ type: "spki", format: "der" }));
  return signatureCheck(`${curve} with ${digest}`, known, over, sign(digest, data, key.privateKey), digest);
}

const said = (outcome: PromiseSettledResult<void>): string =>
  outcome.status === "fulfilled" ? "holds" : (outcome.reason as Error).message;

test("many documents at once come out as each of them alone, whichever thread did the work", async () => {
  const broken = Buffer.from("something else");
  const documents = [
    [made("P-256", "sha256"), made("P-384", "sha384")],
    [made("P-256", "sha256", broken), made("P-384", "sha384")],
    [made("P-256", "sha256"), made("P-384", "sha384", broken)],
    [made("P-384", "sha384", broken), made("P-256", "sha256", broken)],
    [made("P-521", "sha512"), made("P-384", "sha256"), made("P-384", "sha384", broken)],
  ];
  const alone: string[] = [];
  for (const checks of documents) alone.push(...(await Promise.allSettled([settleTogether(checks)])).map(said));
  const many = Array.from({ length: 5 }, () => documents).flat();
  const together = (await Promise.allSettled(many.map(settleTogether))).map(said);
  expect(alone).toEqual([
    "holds",
    "P-256 with sha256 does not verify",
    "P-384 with sha384 does not verify",
    "P-384 with sha384 does not verify",
    "P-384 with sha384 does not verify",
  ]);
  expect(together).toEqual(Array.from({ length: 5 }, () => alone).flat());
});

test("a second digest is tried only where the check names one", async () => {
  const check = made("P-384", "sha256");
  const other = { ...check, digest: "sha384" };
  expect(() => settle([other])).toThrow("does not verify");
  expect(() => settle([{ ...other, orDigest: "sha256" }])).not.toThrow();
  await Promise.all([1, 2].map(() => settleTogether([{ ...other, orDigest: "sha256" }])));
});

test("what OpenSSL will not even look at does not hold", async () => {
  const check = { ...made("P-384", "sha384"), digest: "no-such-digest" };
  expect(() => settle([check])).toThrow("does not verify");
  for (const outcome of await Promise.allSettled([settleTogether([check]), settleTogether([check])]))
    expect(said(outcome)).toContain("does not verify");
});
