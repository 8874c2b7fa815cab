import { expect, test } from "vitest";
import { instant, type Sha256 } from "../model/ids.ts";
import type { Evidence } from "./format.ts";
import { readTrust } from "./trust.ts";
import { verify } from "./verify.ts";

const file = "ab".repeat(32) as Sha256;
const bom = {
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  components: [{ type: "file", name: "f", hashes: [{ alg: "SHA-256", content: file }] }],
};

test("an unsigned bill of materials that names a file makes its verdict neither better nor worse", async () => {
  const read = readTrust({ version: "t" });
  if (!read.ok) throw new Error(read.why);
  const document = { bytes: Buffer.from(JSON.stringify(bom)), sha256: "cd".repeat(32) as Sha256, name: "bom.json" };
  const basisWith = async (...documents: readonly Evidence[]) =>
    (await verify({ sha256: file }, documents, {}, read.trust, instant(0))).verdict.basis;
  expect([await basisWith(), await basisWith(document)]).toEqual(["none", "none"]);
});
