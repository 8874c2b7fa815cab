import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { describe, expect, test } from "vitest";
import { instant, sha256 } from "../../../model/ids.ts";
import { documentKeys } from "../../document-keys.ts";
import type { Evidence } from "../../format.ts";
import { artifactDocument } from "../../oci/artifact.ts";
import { ociDigest } from "../../oci/digest.ts";
import type { Subject } from "../../subject.ts";
import { readTrust, type Trust, type TrustDocument } from "../../trust.ts";
import { verify } from "../../verify.ts";

// A key, a log of our own, and manifests as cosign pushes them; certificates are covered by the published bundles (npm run conformance).
const now = instant(Date.parse("2026-06-01T00:00:00Z"));
const log = generateKeyPairSync("ec", { namedCurve: "P-256" });
const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
const file = Buffer.from("a layer");
const b64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");
const hashOf = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
const digest = (bytes: Uint8Array): Subject["sha256"] => sha256(hashOf(bytes).toString("hex")) ?? ("" as never);
const spki = (one: KeyObject): Buffer => one.export({ type: "spki", format: "der" });
const pem = (one: KeyObject): string => one.export({ type: "spki", format: "pem" }).toString();
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const descriptor = (mediaType: string, bytes: Uint8Array, annotations: object = {}) => ({
  mediaType,
  digest: ociDigest(bytes),
  size: bytes.length,
  annotations,
});
const emptyConfig = descriptor("application/vnd.oci.empty.v1+json", Buffer.from("{}"));
const manifest = (layers: readonly object[], more: object = {}): Buffer =>
  json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: emptyConfig,
    layers,
    ...more,
  });

const image = manifest([descriptor("application/octet-stream", file)]);
const subject: Subject = { sha256: digest(image) };
const named = { kind: "key", who: key } as const;

/** Rekor's promise for a body, as cosign keeps it. */
function logged(body: object): string {
  const [encoded, logID] = [b64(json(body)), hashOf(spki(log.publicKey)).toString("hex")];
  const entry = `{"body":"${encoded}","integratedTime":1767323045,"logID":"${logID}","logIndex":7}`;
  return JSON.stringify({
    SignedEntryTimestamp: b64(sign("sha256", Buffer.from(entry), log.privateKey)),
    Payload: { body: encoded, integratedTime: 1767323045, logIndex: 7, logID },
  });
}

const payloadFor = (about: Uint8Array, type = "cosign container image signature"): Buffer =>
  json({
    critical: { identity: { "docker-reference": "" }, image: { "docker-manifest-digest": ociDigest(about) }, type },
    optional: null,
  });

function hashedRekord(payload: Uint8Array, signature: Uint8Array): string {
  return logged({
    apiVersion: "0.0.1",
    kind: "hashedrekord",
    spec: {
      data: { hash: { algorithm: "sha256", value: hashOf(payload).toString("hex") } },
      signature: { content: b64(signature), publicKey: { content: b64(pem(key.publicKey)) } },
    },
  });
}

/** ".sig": the payload is the blob, the signature an annotation. */
function signature(payload = payloadFor(image), by = key, withLog = true, more: object = {}): Evidence {
  const made = sign("sha256", payload, by.privateKey);
  const annotations = {
    "dev.cosignproject.cosign/signature": b64(made),
    ...(withLog ? { "dev.sigstore.cosign/bundle": hashedRekord(payload, made) } : {}),
  };
  const layer = descriptor("application/vnd.dev.cosign.simplesigning.v1+json", payload, annotations);
  return artifactDocument(manifest([layer], more), new Map([[layer.digest, payload]]));
}

const statement = (about: Uint8Array, predicateType = "https://slsa.dev/provenance/v1"): Buffer =>
  json({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "image", digest: { sha256: digest(about) } }],
    predicateType,
    predicate: {},
  });

function envelope(payload: Buffer, by = key): { readonly bytes: Buffer; readonly made: Buffer } {
  const type = "application/vnd.in-toto+json";
  const made = sign(
    "sha256",
    Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]),
    by.privateKey,
  );
  return {
    made,
    bytes: json({ payloadType: type, payload: b64(payload), signatures: [{ keyid: "", sig: b64(made) }] }),
  };
}

/** ".att": the blob is the envelope. */
function attestation(entry: (of: ReturnType<typeof envelope>, payload: Buffer) => string, about = image): Evidence {
  const payload = statement(about, "https://in-toto.io/attestation/release/v0.1");
  const made = envelope(payload);
  const layer = descriptor("application/vnd.dsse.envelope.v1+json", made.bytes, {
    "dev.cosignproject.cosign/signature": "",
    "dev.sigstore.cosign/bundle": entry(made, payload),
  });
  return artifactDocument(manifest([layer]), new Map([[layer.digest, made.bytes]]));
}

const hex = (bytes: Uint8Array): object => ({ algorithm: "sha256", value: hashOf(bytes).toString("hex") });
const inToto1 = (of: ReturnType<typeof envelope>, payload: Buffer): string =>
  logged({
    apiVersion: "0.0.1",
    kind: "intoto",
    spec: { content: { hash: hex(of.bytes), payloadHash: hex(payload) }, publicKey: b64(pem(key.publicKey)) },
  });
const dsse1 = (of: ReturnType<typeof envelope>, payload: Buffer): string =>
  logged({
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      envelopeHash: hex(of.bytes),
      payloadHash: hex(payload),
      signatures: [{ signature: b64(of.made), verifier: b64(pem(key.publicKey)) }],
    },
  });

function trust(withoutLog = false, more: Partial<TrustDocument> = {}): Trust {
  const rekor = {
    baseUrl: "https://log.example",
    publicKey: { rawBytes: b64(spki(log.publicKey)), validFor: { start: "2025-01-01T00:00:00Z" } },
    logId: { keyId: b64(hashOf(spki(log.publicKey))) },
  };
  const read = readTrust({
    sigstore: [{ mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1", tlogs: [rekor] }],
    keys: [{ id: "release", pem: pem(named.who.publicKey), uses: ["bundle"], withoutLog }],
    ...more,
  });
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

const trusted = trust();
async function standing(evidence: Evidence, about: Subject = subject, by = trusted): Promise<string> {
  const { verdict } = await verify(about, [evidence], {}, by, now);
  return `${verdict.standing} ${verdict.basis}`;
}

function changed(evidence: Evidence, change: (document: Record<string, unknown>) => void): Evidence {
  const document = JSON.parse(Buffer.from(evidence.bytes).toString()) as Record<string, unknown>;
  change(document);
  const bytes = json(document);
  return { bytes, sha256: digest(bytes) };
}

const otherImage = manifest([]);

describe("an image's signature", () => {
  test.each([
    ["holds with its log entry", signature(), "signed publisher"],
    ["of another image is foreign to this one", signature(payloadFor(otherImage)), "unproven none"],
    ["by a key nobody named is open", signature(payloadFor(image), stranger), "unchecked stale-trust"],
    ["without its log entry stays open", signature(payloadFor(image), key, false), "unchecked unreachable"],
    ["over a payload of another kind is not read", signature(payloadFor(image, "other")), "unchecked unsupported"],
    [
      "whose manifest refers to another image is foreign",
      signature(undefined, key, true, {
        subject: descriptor("application/vnd.oci.image.manifest.v1+json", otherImage),
      }),
      "unproven none",
    ],
    [
      "whose blob is missing is not read",
      changed(signature(), (document) => (document["blobs"] = {})),
      "unchecked unreadable",
    ],
    [
      "with a blob that nobody asked for is not read",
      changed(signature(), (document) => Object.assign(document["blobs"] as object, { "sha256:0": "aGk=" })),
      "unchecked unreadable",
    ],
    [
      "under another digest than its manifest's is not read",
      changed(signature(), (document) => (document["digest"] = ociDigest(otherImage))),
      "unchecked unreadable",
    ],
  ])("%s", async (_name, evidence, expected) => {
    expect(await standing(evidence)).toBe(expected);
  });

  test("by a key that needs no log holds without an entry", async () => {
    expect(await standing(signature(payloadFor(image), key, false), subject, trust(true))).toBe("signed publisher");
  });

  test("counts for a file only through the manifest that lists it", async () => {
    const bare = signature();
    const carrying = changed(bare, (document) => (document["about"] = b64(image)));
    expect(await standing(bare, { sha256: digest(file) })).toBe("unproven none");
    expect(await standing(carrying, { sha256: digest(file) })).toBe("signed publisher");
    expect(await standing(carrying, { sha256: digest(Buffer.from("another layer")) })).toBe("unproven none");
    const lying = changed(bare, (document) => (document["about"] = b64(manifest([descriptor("x/y", file)], { a: 1 }))));
    expect(await standing(lying, { sha256: digest(file) })).toBe("unproven none");
  });

  test("alone, as its manifest, asks for the blobs", async () => {
    const bytes = manifest([descriptor("application/vnd.dev.cosign.simplesigning.v1+json", file)]);
    expect(await standing({ bytes, sha256: digest(bytes) })).toBe("unchecked unreachable");
  });
});

describe("an image's attestation", () => {
  test.each([
    ["with Rekor's entry of kind intoto 0.0.1", attestation(inToto1), "signed publisher"],
    ["with Rekor's entry of kind dsse 0.0.1", attestation(dsse1), "signed publisher"],
    [
      "with an entry for another envelope",
      attestation((_of, payload) => inToto1(envelope(statement(otherImage)), payload)),
      "unchecked stale-trust",
    ],
    ["about another image", attestation(inToto1, otherImage), "unproven none"],
  ])("%s", async (_name, evidence, expected) => {
    expect(await standing(evidence)).toBe(expected);
  });
});

test("a Sigstore bundle that refers to the image is read as one", async () => {
  const payload = statement(image, "https://sigstore.dev/cosign/sign/v1");
  const { bytes, made } = envelope(payload);
  const bundle = json({
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: { publicKey: { hint: "release" } },
    dsseEnvelope: JSON.parse(bytes.toString()) as unknown,
  });
  const artifactType = "application/vnd.dev.sigstore.bundle.v0.3+json";
  const refers = {
    artifactType,
    subject: descriptor("application/vnd.oci.image.manifest.v1+json", image),
  };
  const evidence = artifactDocument(
    manifest([descriptor(artifactType, bundle)], refers),
    new Map([[ociDigest(bundle), bundle]]),
  );
  expect(made.length).toBeGreaterThan(60);
  expect(await standing(evidence, subject, trust(true))).toBe("signed publisher");
  expect(await standing(evidence)).toBe("unchecked unreachable");
  expect(await standing(evidence, { sha256: digest(otherImage) }, trust(true))).toBe("unproven none");
});

test("is filed under the image it signs, what it refers to, and the files that the image lists", () => {
  const carrying = changed(signature(), (document) => (document["about"] = b64(image)));
  const refers = { subject: descriptor("application/vnd.oci.image.manifest.v1+json", image) };
  const subjects = (evidence: Evidence): readonly string[] => {
    const read = documentKeys(evidence);
    return read.kind === "keys" ? read.keys.subjects.map(({ hex }) => hex) : [read.why];
  };
  expect(subjects(signature())).toEqual([digest(image)]);
  expect(subjects(signature(undefined, key, true, refers))).toEqual([digest(image)]);
  expect(subjects(carrying)).toEqual([digest(image), digest(file)]);
  expect(subjects(attestation(inToto1))).toEqual([digest(image)]);
  expect(subjects(changed(signature(), (document) => (document["blobs"] = {})))).toEqual([
    `the blob ${ociDigest(payloadFor(image))} is missing`,
  ]);
});

test("one signature that holds is enough, and a broken one beside it changes nothing", async () => {
  const [first, second] = [payloadFor(image), payloadFor(image)].map((payload, at) => {
    const made = sign("sha256", payload, at === 0 ? stranger.privateKey : key.privateKey);
    return descriptor("application/vnd.dev.cosign.simplesigning.v1+json", payload, {
      "dev.cosignproject.cosign/signature": b64(made),
    });
  });
  const payload = payloadFor(image);
  const evidence = artifactDocument(manifest([first ?? {}, second ?? {}]), new Map([[ociDigest(payload), payload]]));
  expect(await standing(evidence, subject, trust(true))).toBe("signed publisher");
});

test("changed in any byte, neither signature nor attestation holds", async () => {
  const survivors: string[] = [];
  for (const [name, evidence] of [
    ["signature", signature()],
    ["attestation", attestation(inToto1)],
  ] as const)
    for (let at = 0; at < evidence.bytes.length; at += 1) {
      const bytes = Buffer.from(evidence.bytes);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      const got = await standing({ bytes, sha256: digest(bytes) });
      if (/^(?:proven|signed)/.test(got))
        survivors.push(`${name} ${at}: ${bytes.toString("latin1", at - 10, at + 10)}`);
    }
  expect(survivors).toEqual([]);
});
