import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { expect, test } from "vitest";
import { instant, sha256 } from "../../../model/ids.ts";
import type { Criteria } from "../../criteria.ts";
import { preAuthEncoding } from "../../intoto/envelope.ts";
import { cloudBuildBuilders } from "../../slsa/known-builders.ts";
import type { Subject } from "../../subject.ts";
import { readTrust } from "../../trust.ts";
import { verify } from "../../verify.ts";

const now = instant(Date.parse("2026-06-01T00:00:00Z"));
const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
const keyId =
  "projects/verified-builder/locations/global/keyRings/attestor/cryptoKeys/provenanceSigner/cryptoKeyVersions/1";
const digest = (bytes: Uint8Array): Subject["sha256"] =>
  sha256(createHash("sha256").update(bytes).digest("hex")) ?? ("" as never);
const image = digest(Buffer.from("an image"));
const url = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString("base64").replace(/\+/g, "-").replace(/\//g, "_");

function description(builder: string, by = key.privateKey, source = "https://github.com/o/r"): Buffer {
  const payload = Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "image???", digest: { sha256: image } }],
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: {
        buildDefinition: {
          buildType: "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1",
          externalParameters: {
            buildConfigSource: { path: "cloudbuild.yaml", ref: "refs/heads/main", repository: `git+${source}` },
          },
          resolvedDependencies: [{ uri: `git+${source}@refs/heads/main`, digest: { gitCommit: "a".repeat(40) } }],
        },
        runDetails: { builder: { id: builder }, metadata: { invocationId: "https://cloudbuild/1" } },
      },
    }),
  );
  const payloadType = "application/vnd.in-toto+json";
  const sig = url(sign("sha256", preAuthEncoding({ payload, payloadType }), by));
  const envelope = { payload: url(payload), payloadType, signatures: [{ keyid: keyId, sig }] };
  // The text beside the envelope says something else and must not be read.
  const build = { inTotoSlsaProvenanceV1: { predicate: { runDetails: { builder: { id: "someone else" } } } } };
  return Buffer.from(JSON.stringify({ image_summary: {}, provenance_summary: { provenance: [{ build, envelope }] } }));
}

async function standing(bytes: Buffer, criteria: Criteria = {}): Promise<string> {
  const pem = key.publicKey.export({ type: "spki", format: "pem" }).toString();
  const read = readTrust({ keys: [{ id: keyId, pem, uses: ["envelope"] }], builders: cloudBuildBuilders([keyId]) });
  if (!read.ok) throw new Error(read.why);
  const { verdict } = await verify({ sha256: image }, [{ bytes, sha256: digest(bytes) }], criteria, read.trust, now);
  return `${verdict.standing} ${verdict.basis} ${verdict.standing === "proven" ? (verdict.slsaLevel ?? 0) : 0}`;
}

const google = "https://cloudbuild.googleapis.com/GoogleHostedWorker";
const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

test.each<[string, Buffer, Criteria, string]>([
  ["proves the source at level 3", description(google), {}, "proven source 3"],
  [
    "answers what was expected of it",
    description(google),
    { source: "github.com/o/r", branch: "main", builder: google },
    "proven source 3",
  ],
  [
    "from another source is not what was expected",
    description(google),
    { source: "github.com/o/r2" },
    "refuted downgraded 0",
  ],
  ["by another builder is signed, and no more", description("https://example.com/builder"), {}, "signed publisher 0"],
  ["signed by a stranger under Google's key id is forged", description(google, stranger), {}, "refuted forged 0"],
])("Cloud Build's provenance %s", async (_name, bytes, criteria, expected) => {
  expect(await standing(bytes, criteria)).toBe(expected);
});
