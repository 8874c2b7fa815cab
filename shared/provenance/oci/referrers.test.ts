import { expect, test } from "vitest";
import { artifactDocument, maxArtifactBytes, readArtifact } from "./artifact.ts";
import { cosignTag, ociDigest, referrersTag } from "./digest.ts";
import { layoutEvidence, maxListed } from "./layout.ts";
import { maxLayers, maxReferrers, readManifest } from "./manifest.ts";
import { referrerEvidence, referrersToRead } from "./referrers.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const descriptor = (mediaType: string, bytes: Uint8Array, more: object = {}) => ({
  mediaType,
  digest: ociDigest(bytes),
  size: bytes.length,
  ...more,
});
const config = descriptor("application/vnd.oci.empty.v1+json", Buffer.from("{}"));
const manifest = (layers: readonly object[], more: object = {}): Buffer =>
  json({ schemaVersion: 2, mediaType: manifestType, config, layers, ...more });
const index = (manifests: readonly object[]): Buffer =>
  json({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests });

const file = Buffer.from("a file");
const image = manifest([descriptor("application/octet-stream", file)]);
const bundle = Buffer.from("a bundle");
const referring = (to: Uint8Array): Buffer =>
  manifest([descriptor(bundleType, bundle)], { artifactType: bundleType, subject: descriptor(manifestType, to) });
const signature = referring(image);
const answers = (manifests: readonly Buffer[], blobs: readonly Buffer[] = [bundle]) => ({
  subject: ociDigest(image),
  manifests: new Map(manifests.map((one) => [ociDigest(one), one])),
  blobs: new Map(blobs.map((one) => [ociDigest(one), one])),
});

test("the tags that stand in for the referrers API", () => {
  expect([cosignTag("sha256:ab", "sig"), cosignTag("sha256:ab", "att"), referrersTag("sha256:ab")]).toEqual([
    "sha256-ab.sig",
    "sha256-ab.att",
    "sha256-ab",
  ]);
});

test("an index's SBOMs and images are not asked for, its bundles once, and what says no type is looked at", () => {
  const [sbom, untyped] = [manifest([], { artifactType: "application/spdx+json" }), manifest([])];
  const listed = index([
    descriptor(manifestType, sbom, { artifactType: "application/spdx+json" }),
    descriptor(manifestType, signature, { artifactType: bundleType }),
    descriptor(manifestType, signature, { artifactType: bundleType }),
    descriptor(manifestType, untyped),
    descriptor("application/vnd.oci.image.index.v1+json", image),
  ]);
  expect(referrersToRead(listed).map(({ digest }) => digest)).toEqual([ociDigest(signature), ociDigest(untyped)]);
});

test("a referrer becomes one document that holds its manifest and blobs", () => {
  const { evidence, refused } = referrerEvidence(index([descriptor(manifestType, signature)]), answers([signature]));
  expect(refused).toEqual([]);
  const [document] = evidence;
  expect(readArtifact(document?.bytes ?? file)).toMatchObject({ digest: ociDigest(signature), blobs: [bundle] });
});

const other = manifest([], { a: 1 });
test.each<[string, Buffer, ReturnType<typeof answers>, string]>([
  ["is missing", signature, answers([]), "the registry did not answer for it"],
  ["refers to another image", referring(other), answers([referring(other)]), "it refers to another manifest"],
  [
    "has other bytes",
    signature,
    { ...answers([]), manifests: new Map([[ociDigest(signature), other]]) },
    "the registry answered with other bytes than its digest names",
  ],
  ["lacks a blob", signature, answers([signature], []), `the blob ${ociDigest(bundle)} is missing`],
  [
    "has another blob",
    signature,
    { ...answers([signature]), blobs: new Map([[ociDigest(bundle), file]]) },
    `the blob ${ociDigest(bundle)} is not the one its manifest names`,
  ],
  [
    "carries no signature",
    manifest([], { subject: descriptor(manifestType, image) }),
    answers([manifest([], { subject: descriptor(manifestType, image) })]),
    "the manifest carries no signature of a kind that is read",
  ],
])("a referrer that %s is refused by name", (_name, listed, given, why) => {
  const found = referrerEvidence(index([descriptor(manifestType, listed)]), given);
  expect(found).toEqual({ evidence: [], refused: [{ digest: ociDigest(listed), why }] });
});

test("an image layout gives the same documents, also for a file that the image lists", () => {
  const files = new Map<string, Uint8Array>([
    ["index.json", index([descriptor(manifestType, image), descriptor(manifestType, signature)])],
    ...[image, signature, bundle].map(
      (one) => [`blobs/${ociDigest(one).replace(":", "/")}`, one] as readonly [string, Uint8Array],
    ),
  ]);
  for (const about of [image, file]) {
    const { evidence, refused } = layoutEvidence(files, ociDigest(about));
    expect(refused).toEqual([]);
    expect(evidence.map(({ bytes }) => readArtifact(bytes).about?.digest)).toEqual([ociDigest(image)]);
  }
  files.delete(`blobs/${ociDigest(bundle).replace(":", "/")}`);
  expect(layoutEvidence(files, ociDigest(image)).refused).toHaveLength(1);
});

test("an index that lists itself, lists too much, or is none is refused", () => {
  const self = index([]);
  const nested = index([descriptor("application/vnd.oci.image.index.v1+json", self)]);
  const files = new Map([
    ["index.json", nested],
    [`blobs/${ociDigest(self).replace(":", "/")}`, self],
  ]);
  expect(layoutEvidence(files, ociDigest(image)).evidence).toEqual([]);
  const many = (count: number, from: number) =>
    index(Array.from({ length: count }, (_, at) => descriptor(manifestType, Buffer.from(`${from + at}`))));
  expect(() => referrersToRead(many(maxReferrers + 1, 0))).toThrow("it lists too much");
  const twice = index(
    [many(maxReferrers, 0), many(maxReferrers, maxReferrers)].map((one) =>
      descriptor("application/vnd.oci.image.index.v1+json", one),
    ),
  );
  const wide = new Map([
    ["index.json", twice],
    ...[many(maxReferrers, 0), many(maxReferrers, maxReferrers)].map(
      (one) => [`blobs/${ociDigest(one).replace(":", "/")}`, one] as const,
    ),
  ]);
  expect(() => layoutEvidence(wide, ociDigest(image))).toThrow(`more than ${maxListed} manifests`);
  expect(() => layoutEvidence(new Map(), ociDigest(image))).toThrow("has an index.json");
  expect(() => referrersToRead(Buffer.from("[]"))).toThrow("no OCI image index");
});

test("a manifest with too many layers, or the same member twice, is refused", () => {
  const layers = Array.from({ length: maxLayers + 1 }, () => descriptor("x/y", file));
  expect(() => readManifest(manifest(layers))).toThrow("no OCI image manifest");
  expect(() => readManifest(Buffer.from('{"schemaVersion":2,"schemaVersion":2}'))).toThrow("same name twice");
});

test("manifest and blobs that are too large for one document are refused", () => {
  const big = Buffer.alloc(maxArtifactBytes);
  const heavy = manifest([descriptor(bundleType, big)]);
  expect(() => artifactDocument(heavy, new Map([[ociDigest(big), big]]))).toThrow("larger than");
});
