import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { forgeBundle, type BundleParts } from "../../test/support/sigstore/forge-bundle.ts";
import { b64, identity, issuer, leafCertificate, sigstoreInstance } from "../../test/support/sigstore/instance.ts";
import { program, readForged, said, subjectOf, trustIn, type Asked } from "../../test/support/sigstore/read-forged.ts";
import { keyPair, sha256Of, spkiOf } from "../../test/support/sigstore/write-certificate.ts";
import { readDescriptor } from "./intoto/descriptor.ts";

// What other tools write and specifications allow: each form is accepted for what it says, or left open for a reason of its own.
const instance = sigstoreInstance();
const publisher = { trust: { publishers: [{ issuer, identity: { exact: identity } }] } };
const ready = trustIn(instance, publisher);
type Json = Record<string, unknown>;
const outcome = async (document: unknown, asked: Asked = {}): Promise<string> =>
  said(await readForged(instance, document, { ready, ...asked }));
const forged = (parts: BundleParts = {}): Json => forgeBundle(instance, parts);
const release = "https://in-toto.io/attestation/release/v0.1";

const statement = (change: Json = {}, payloadType = "application/vnd.in-toto+json"): BundleParts => ({
  signs: {
    payload: Buffer.from(
      JSON.stringify({
        _type: "https://in-toto.io/Statement/v1",
        subject: [{ name: "program", digest: { sha256: subjectOf(program).sha256 } }],
        predicateType: release,
        predicate: {},
        ...change,
      }),
    ),
    payloadType,
  },
});
const about = (digest: Json, ...more: readonly Json[]): BundleParts =>
  statement({ subject: [...more, { name: "program", digest }] });

const respelt = (value: unknown, spell: (name: string) => string): unknown => {
  if (Array.isArray(value)) return value.map((one) => respelt(one, spell));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [spell(name), respelt(one, spell)]));
};
const snakeCase = (name: string): string =>
  name === "rfc3161Timestamps" ? "rfc3161_timestamps" : name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const map = (value: unknown, change: (name: string, one: unknown) => unknown): unknown => {
  if (Array.isArray(value)) return value.map((one) => map(one, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, map(change(name, one), change)]));
};

describe("a bundle in ProtoJSON", () => {
  test.each<[string, unknown]>([
    ["with the names of the .proto file", respelt(forged({ stamps: [{}] }), snakeCase)],
    ["of an envelope, with the names of the .proto file", respelt(forged(statement()), snakeCase)],
    [
      "with 64-bit integers as numbers",
      map(forged(), (name, one) => (/^(?:logIndex|treeSize|integratedTime)$/.test(name) ? Number(one) : one)),
    ],
    ["with its enumeration as a number", map(forged(), (name, one) => (name === "algorithm" ? 1 : one))],
    [
      "with null for what is absent",
      map({ ...forged(), dsseEnvelope: null }, (name, one) =>
        name === "verificationMaterial"
          ? { ...(one as Json), x509CertificateChain: null, publicKey: null, timestampVerificationData: null }
          : one,
      ),
    ],
    ["with white space between everything", JSON.stringify(forged(), undefined, 4)],
    [
      "on one of several lines that end in two characters",
      `${JSON.stringify(forged({ signs: { message: Buffer.from("x") } }))}\r\n${JSON.stringify(forged())}\r\n`,
    ],
    [
      "with its names sorted, after a long statement",
      Object.fromEntries(
        Object.entries(forged(statement({ predicate: { note: "x".repeat(400_000) } }))).toSorted(([a], [b]) =>
          a < b ? -1 : 1,
        ),
      ),
    ],
    ["with a last newline", `${JSON.stringify(forged())}\n`],
    [
      "on one of several lines",
      `${JSON.stringify(forged({ signs: { message: Buffer.from("x") } }))}\n${JSON.stringify(forged())}\n`,
    ],
  ])("%s", async (_name, document) => {
    expect(await outcome(document)).toContain("claims publisher");
  });

  test("with a number for an enumeration that nobody knows is left open", async () => {
    const odd = map(forged(), (name, one) => (name === "algorithm" ? 9 : one));
    expect(await outcome(odd)).toBe("unchecked unsupported: the digest number 9 is not accepted");
  });
});

describe("a subject", () => {
  const digest = (algorithm: string): string => createHash(algorithm).update(program).digest("hex");
  const bytes = { subject: subjectOf(program, { bytes: program }) };
  const commit = { gitCommit: "a".repeat(40) };
  test.each<[string, BundleParts, Asked, string]>([
    [
      "by SHA-512",
      about({ sha512: digest("sha512") }),
      { subject: subjectOf(program, { sha512: digest("sha512") }) },
      "claims publisher",
    ],
    ["by SHA-512 of bytes at hand", about({ sha512: digest("sha512") }), bytes, "claims publisher"],
    ["by SHA-384 of bytes at hand", about({ sha384: digest("sha384") }), bytes, "claims publisher"],
    [
      "by SHA-384 alone",
      about({ sha384: digest("sha384") }),
      {},
      "unchecked unreachable: the statement names its files by sha384, which was not computed",
    ],
    [
      "by SHA-512 and SHA-384, neither computed",
      about({ sha384: digest("sha384"), sha512: digest("sha512") }),
      {},
      "unchecked unreachable: the statement names its files by sha512 and sha384",
    ],
    [
      "by two digests of which one is another file's",
      about({ sha256: digest("sha256"), sha512: "0".repeat(128) }),
      bytes,
      "foreign: the statement is about other files",
    ],
    ["by SHA-1", about({ sha1: digest("sha1") }), bytes, "foreign: the statement is about other files"],
    ["by a digest and a commit", about({ sha256: digest("sha256"), ...commit }), {}, "claims publisher"],
    ["by a commit", about(commit), {}, "foreign: the statement is about other files"],
    ["by a folder's digest", about({ dirHash: "h1:x" }), {}, "foreign: the statement is about other files"],
    ["without a digest, before one with", about({ sha256: digest("sha256") }, { name: "x" }), {}, "claims publisher"],
    [
      "in capital letters",
      about({ sha256: digest("sha256").toUpperCase() }),
      {},
      "foreign: the statement is about other files",
    ],
    [
      "the last of ten thousand",
      about(
        { sha256: digest("sha256") },
        ...Array.from({ length: 9999 }, (_, at) => ({ name: `f${at}`, digest: { sha256: "0".repeat(64) } })),
      ),
      {},
      "claims publisher",
    ],
    [
      "with more said of it",
      statement({
        subject: [
          { name: "program", digest: { sha256: digest("sha256") }, uri: "x", annotations: { a: 1 }, mediaType: "y" },
        ],
      }),
      {},
      "claims publisher",
    ],
  ])("%s", async (_name, parts, asked, expected) => {
    expect(await outcome(forged(parts), asked)).toContain(expected);
  });
});

const builder = { id: "https://ci.example/builder" };
const provenance1 = {
  buildDefinition: {
    buildType: "https://ci.example/build/v1",
    externalParameters: {},
    future: 1,
    resolvedDependencies: [
      { uri: "git+https://example.com/o/r", digest: { gitCommit: "a".repeat(40) } },
      { name: "nothing more" },
    ],
  },
  runDetails: {
    builder: { ...builder, version: { x: "1" } },
    metadata: { invocationId: "1", more: {} },
    byproducts: [{ name: "log" }],
  },
  extra: true,
};
const provenance02 = {
  builder,
  buildType: "x",
  invocation: { configSource: {}, parameters: {} },
  metadata: { reproducible: false, completeness: {} },
  materials: [{ uri: "git+https://example.com/o/r" }],
  extra: 1,
};
const provenance01 = {
  builder,
  recipe: { type: "x", definedInMaterial: 0 },
  materials: [{ uri: "git+https://example.com/o/r", digest: { sha1: "a".repeat(40) } }],
};

describe("a statement", () => {
  const v01 = "https://in-toto.io/Statement/v0.1";
  test.each<[string, Json, string]>([
    ["with members that nobody knows", { future: 1, "x-mine": {} }, "claims publisher"],
    ["of version 0.1 with a predicate of today", { _type: v01 }, "claims publisher"],
    ["without a predicate", { predicate: undefined }, "claims publisher"],
    [
      "of provenance v1 with members of tomorrow",
      { predicateType: "https://slsa.dev/provenance/v1", predicate: provenance1 },
      "claims publisher",
    ],
    [
      "of provenance v0.2",
      { _type: v01, predicateType: "https://slsa.dev/provenance/v0.2", predicate: provenance02 },
      "claims publisher",
    ],
    [
      "of provenance v0.1",
      { _type: v01, predicateType: "https://slsa.dev/provenance/v0.1", predicate: provenance01 },
      "claims publisher",
    ],
    [
      "of provenance without a builder",
      { predicateType: "https://slsa.dev/provenance/v1", predicate: { ...provenance1, runDetails: {} } },
      "unchecked unreadable: the provenance is malformed: runDetails.builder",
    ],
    ["of SPDX with a version", { predicateType: "https://spdx.dev/Document/v2.3" }, "claims claimed"],
    ["of SPDX without a version", { predicateType: "https://spdx.dev/Document" }, "claims claimed"],
    ["of CycloneDX with a version", { predicateType: "https://cyclonedx.org/bom/v1.6" }, "claims claimed"],
    ["of OpenVEX", { predicateType: "https://openvex.dev/ns/v0.2.0" }, "claims claimed"],
    ["of test results", { predicateType: "https://in-toto.io/attestation/test-result/v0.1" }, "claims claimed"],
    [
      "of a summary of today",
      {
        predicateType: "https://slsa.dev/verification_summary/v1",
        predicate: {
          verifier: { id: "https://example.com/v" },
          timeVerified: "2026-01-01T00:00:00Z",
          resourceUri: "x",
          policy: { uri: "y" },
          verificationResult: "PASSED",
          verifiedLevels: ["SLSA_BUILD_LEVEL_3"],
          slsaVersion: "1.0",
        },
      },
      "claims claimed",
    ],
    [
      "of a summary of version 0.2",
      {
        _type: v01,
        predicateType: "https://slsa.dev/verification_summary/v0.2",
        predicate: { verifier: { id: "https://example.com/v" }, resource_uri: "x", verification_result: "PASSED" },
      },
      "claims claimed",
    ],
    [
      "of a summary that failed",
      {
        predicateType: "https://slsa.dev/verification_summary/v1",
        predicate: { verifier: { id: "https://example.com/v" }, resourceUri: "x", verificationResult: "FAILED" },
      },
      "refuted downgraded: the verification summary's result is FAILED",
    ],
  ])("%s", async (_name, change, expected) => {
    expect(await outcome(forged(statement(change)))).toContain(expected);
  });
  test("under in-toto's other payload type", async () => {
    expect(await outcome(forged(statement({}, "application/vnd.in-toto.provenance+dsse")))).toBe("claims publisher");
  });
});

test("a descriptor may name a thing by one of uri, digest and content, and by none it names nothing", () => {
  expect(readDescriptor({ uri: "x" })).toEqual({ uri: "x", digest: {} });
  expect(readDescriptor({ content: "eA==" })).toEqual({ digest: {} });
  expect(() => readDescriptor({ name: "x" })).toThrow("the resource descriptor is malformed");
});

describe("a signer", () => {
  test.each<[string, BundleParts]>([
    [
      "on P-384 that signs an envelope with SHA-384",
      { ...statement(), leaf: { key: keyPair("P-384") }, digest: "sha384", entries: [{ kind: "dsse" }] },
    ],
    [
      "on P-384 that signs an envelope with SHA-256, as cosign did",
      { ...statement(), leaf: { key: keyPair("P-384") }, digest: "sha256", entries: [{ kind: "dsse" }] },
    ],
    ["on P-521 that signs a message with SHA-512", { leaf: { key: keyPair("P-521") }, digest: "sha512" }],
  ])("%s", async (_name, parts) => {
    const subject = subjectOf(program, { bytes: program });
    expect(await outcome(forged(parts), { subject })).toBe("claims publisher");
  });

  test("whose envelope names the certificate's own key, and one that names another", async () => {
    const key = keyPair("P-256");
    const own = sha256Of(spkiOf(key.publicKey)).toString("hex");
    expect(await outcome(forged({ ...statement(), leaf: { key }, keyId: own }))).toBe("claims publisher");
    expect(await outcome(forged({ ...statement(), leaf: { key }, keyId: "somebody" }))).toBe(
      "refuted forged: the envelope names another key than its certificate",
    );
  });

  test("whose bundle of before 0.3 brings a certificate alone, or after it a chain, is left open", async () => {
    const raw = { rawBytes: b64(leafCertificate(instance, keyPair("P-256"))) };
    const early = { ...forged({ version: "0.2" }), verificationMaterial: { certificate: raw, tlogEntries: [] } };
    expect(await outcome(early)).toBe("unchecked unreadable: a 0.2 bundle carries a certificate chain");
    const late = {
      ...forged(),
      verificationMaterial: { x509CertificateChain: { certificates: [raw] }, tlogEntries: [] },
    };
    expect(await outcome(late)).toBe("unchecked unreadable: a 0.3 bundle carries its signing certificate alone");
  });
});
