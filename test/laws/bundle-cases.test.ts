import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import * as z from "zod";
import { npmKeys } from "@provost/shared/provenance/npm-keys.ts";
import { certificateSigner } from "@provost/shared/provenance/sigstore/signer.ts";
import { parseCertificate } from "@provost/shared/provenance/x509/certificate.ts";
import { firstSubject } from "../conformance/first-subject.ts";
import { haveVectors, json, provenance, vectorsRoot } from "../conformance/vectors.ts";
import { runProvost } from "../support/run-provost.ts";

// Whole commands on a machine that may be busy with others.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Every bundle of EXPECTED.json, through the command line as the conformance suite calls it. */
const folder = mkdtempSync(join(tmpdir(), "provost-bundle-cases-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const Expect = z.enum(["pass", "fail", "indeterminate"]);
const Case = z.object({
  id: z.string(),
  bundle: z.string().optional(),
  attestations: z.string().optional(),
  artifact: z.string().nullish(),
  expect: z.union([Expect, z.object({ publish: Expect, provenance: Expect })]),
});
const Answer = z.object({ attestations: z.array(z.object({ predicateType: z.string(), bundle: z.unknown() })) });
const Material = z.object({
  verificationMaterial: z.object({
    certificate: z.object({ rawBytes: z.string() }).optional(),
    x509CertificateChain: z.object({ certificates: z.array(z.object({ rawBytes: z.string() })) }).optional(),
    publicKey: z.object({ hint: z.string() }).optional(),
  }),
});

interface Row {
  readonly id: string;
  readonly bundle: string;
  readonly about: string;
  readonly accepted: boolean;
}

const rows = haveVectors()
  ? z
      .array(Case)
      .parse(json(provenance("EXPECTED.json")))
      .flatMap(rowsOf)
  : [];

function rowsOf(one: z.infer<typeof Case>): readonly Row[] {
  if (one.bundle !== undefined) {
    const path = provenance(one.bundle);
    return [{ id: one.id, bundle: path, about: aboutOf(one.artifact, path), accepted: one.expect === "pass" }];
  }
  const { expect: expected } = one;
  if (one.attestations === undefined || typeof expected === "string") return [];
  const answer = Answer.parse(json(provenance(one.attestations)));
  return answer.attestations.map(({ predicateType, bundle }, at) => {
    const kind = predicateType.includes("/specs/publish/") ? "publish" : "provenance";
    const path = join(folder, `${one.id.replaceAll("/", "_")}-${at}.json`);
    writeFileSync(path, JSON.stringify(bundle));
    return {
      id: `${one.id} ${kind}`,
      bundle: path,
      about: aboutOf(one.artifact, path),
      accepted: expected[kind] === "pass",
    };
  });
}

function aboutOf(artefact: string | null | undefined, bundle: string): string {
  if (artefact) return provenance(artefact);
  const { sha256, sha512 } = firstSubject(bundle);
  return sha512 === undefined ? `sha256:${sha256}` : `sha512:${sha512}`;
}

/** Who signed, as the publisher of the set knows; where the document is too broken to say, somebody. */
function whoSigned(bundle: string): readonly string[] {
  const nobody = ["--certificate-identity", "https://nobody.test", "--certificate-oidc-issuer", "https://nobody.test"];
  const parsed = ((): z.infer<typeof Material> | undefined => {
    try {
      return Material.parse(JSON.parse(readFileSync(bundle, "utf8")));
    } catch {
      return undefined;
    }
  })();
  if (parsed === undefined) return nobody;
  const { certificate, x509CertificateChain: chain, publicKey } = parsed.verificationMaterial;
  if (publicKey !== undefined) {
    const key = npmKeys(json(provenance("trust", "npm-registry-keys.json"))).find(
      ({ id, uses }) => id === publicKey.hint && uses.includes("npm:attestations"),
    );
    const path = join(folder, "registry.pub");
    writeFileSync(path, `-----BEGIN PUBLIC KEY-----\n${key?.rawBytes ?? ""}\n-----END PUBLIC KEY-----\n`);
    return ["--key", path];
  }
  const der = certificate?.rawBytes ?? chain?.certificates[0]?.rawBytes;
  if (der === undefined) return nobody;
  const { identity, issuer } = certificateSigner(parseCertificate(Buffer.from(der, "base64")), "");
  return ["--certificate-identity", identity, "--certificate-oidc-issuer", issuer];
}

test("the vectors are there, or it is said that they are not", () => {
  if (!haveVectors()) process.stderr.write(`skipped: no vectors at ${vectorsRoot}; set PROVOST_VECTORS\n`);
  expect(rows.length > 40 || !existsSync(provenance("EXPECTED.json"))).toBe(true);
});

test.skipIf(!haveVectors()).each(rows)(
  "verify-bundle answers $id as published",
  async ({ bundle, about, accepted }) => {
    const root = provenance("trust", "trusted_root.public-good.json");
    const ran = await runProvost(
      ["verify-bundle", "--bundle", bundle, ...whoSigned(bundle), "--trusted-root", root, about],
      {
        cwd: folder,
      },
    );
    expect([ran.code === 0, ran.err === ""]).toEqual([accepted, accepted]);
  },
);
