import crypto, { createHash, generateKeyPairSync, sign } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { forgeBundle, type BundleParts } from "../../test/support/sigstore/forge-bundle.ts";
import { b64, sigstoreInstance } from "../../test/support/sigstore/instance.ts";
import {
  program,
  readForged as readWith,
  said,
  subjectOf,
  trustIn,
  type Asked,
} from "../../test/support/sigstore/read-forged.ts";
import { keyPair } from "../../test/support/sigstore/write-certificate.ts";
import { preAuthEncoding } from "./intoto/envelope.ts";

/*
 * What a stranger may send instead of a document: each has a reason of its own, and costs little. The cost is counted, not timed:
 * signatures that were verified, and characters that were given to the JSON parser.
 */
const instance = sigstoreInstance();
const ready = trustIn(instance);
const readForged = (by: typeof instance, document: unknown, asked: Asked = {}): ReturnType<typeof readWith> =>
  readWith(by, document, { ready, ...asked });
type Json = Record<string, unknown>;
/** Since the test began. */
const cost = {
  verified: (): number => vi.mocked(crypto.verify).mock.calls.length,
  hashed: (): number => vi.mocked(crypto.hash).mock.calls.reduce((sum, [, data]) => sum + sizeOf(data), 0),
  parsed: (): number => vi.mocked(JSON.parse).mock.calls.reduce((sum, [text]) => sum + text.length, 0),
};
const sizeOf = (data: crypto.BinaryLike): number => (typeof data === "string" ? data.length : data.byteLength);
const fromHere = (): void => void vi.clearAllMocks();
beforeEach(() => {
  vi.spyOn(crypto, "verify");
  vi.spyOn(crypto, "hash");
  vi.spyOn(JSON, "parse");
  syncBuiltinESMExports();
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

const statementOf = (change: Json = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "program", digest: { sha256: subjectOf(program).sha256 } }],
      predicateType: "https://in-toto.io/attestation/release/v0.1",
      predicate: {},
      ...change,
    }),
  );
const signs = (payload: Uint8Array, payloadType = "application/vnd.in-toto+json"): BundleParts => ({
  signs: { payload, payloadType },
});
const forged = (parts: BundleParts = {}): Json => forgeBundle(instance, parts);
const material = (change: (was: Json) => Json, parts: BundleParts = {}): Json => {
  const bundle = forged(parts);
  return { ...bundle, verificationMaterial: change(bundle["verificationMaterial"] as Json) };
};
const entries = (change: (entry: Json) => unknown): Json =>
  material((was) => ({ ...was, tlogEntries: (was["tlogEntries"] as Json[]).flatMap(change) }));
const message = (change: Json): Json => {
  const bundle = forged();
  return { ...bundle, messageSignature: { ...(bundle["messageSignature"] as Json), ...change } };
};
const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const twice = (text: string): string => text.replace("{", '{"mediaType":"x",');
const many = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

describe("a bundle", () => {
  test.each<[string, () => unknown, string]>([
    [
      "of 100 MB",
      () => `${JSON.stringify(forged()).slice(0, -1)},"x":"${"x".repeat(100_000_000)}"}`,
      "unchecked unreadable: the document is larger than 67108864 bytes",
    ],
    [
      "of 20 MB",
      () => `${JSON.stringify(forged()).slice(0, -1)},"x":"${"x".repeat(20_000_000)}"}`,
      "unchecked unreadable: the bundle is not read: it is larger than 16777216 bytes",
    ],
    [
      "among two million empty ones",
      () => `${JSON.stringify(forged())}\n${"{}\n".repeat(2_000_000)}`,
      "unchecked unreadable: the document has more than 256 lines",
    ],
    [
      "nested 100,000 deep",
      () => `${JSON.stringify(forged()).slice(0, -1)},"x":${nested(100_000)}}`,
      "unchecked unreadable: the bundle is not read: it is nested deeper than 64",
    ],
    [
      "with a member twice",
      () => twice(JSON.stringify(forged())),
      "unchecked unreadable: the bundle is not read: an object has the same name twice",
    ],
    [
      "with a member twice, one of them escaped",
      () => JSON.stringify(forged()).replace("{", '{"\\u006dediaType":"x",'),
      "unchecked unreadable: the bundle is not read: an object has the same name twice",
    ],
    [
      "with a member in both spellings",
      () => ({ ...forged(), media_type: "x" }),
      "unchecked unreadable: the bundle is malformed",
    ],
    ["with a member nobody knows", () => ({ ...forged(), extra: 1 }), "unchecked unreadable: the bundle is malformed"],
    [
      "that ends early",
      () => JSON.stringify(forged()).slice(0, -10),
      "unchecked unreadable: the bundle is not read: a string has no end",
    ],
    [
      "with bytes behind it",
      () => `${JSON.stringify(forged())} x`,
      "unchecked unreadable: the bundle is not read: it is not JSON",
    ],
    [
      "of a future version",
      () => ({ ...forged(), mediaType: "application/vnd.dev.sigstore.bundle.v0.4+json" }),
      "unchecked unsupported: the bundle's media type application/vnd.dev.sigstore.bundle.v0.4+json is not read",
    ],
    [
      "that signs nothing",
      () => ({ ...forged(), messageSignature: undefined }),
      "unchecked unreadable: a bundle signs one envelope or one message",
    ],
    [
      "without a signer",
      () => material((was) => ({ ...was, certificate: undefined })),
      "unchecked unreadable: the bundle names no signer",
    ],
    [
      "with an empty chain",
      () => material((was) => ({ ...was, certificate: undefined, x509CertificateChain: { certificates: [] } })),
      "unchecked unreadable: the bundle is malformed: verificationMaterial.x509CertificateChain.certificates",
    ],
    [
      "with a chain of 10,000",
      () =>
        material((was) => ({
          ...was,
          certificate: undefined,
          x509CertificateChain: { certificates: many(10_000, { rawBytes: "AAAA" }) },
        })),
      "unchecked unreadable: the bundle is malformed: verificationMaterial.x509CertificateChain.certificates",
    ],
    [
      "with an empty certificate",
      () => material((was) => ({ ...was, certificate: { rawBytes: "" } })),
      "unchecked unreadable: the bundle holds malformed or empty base64",
    ],
    [
      "with a certificate of a megabyte",
      () => material((was) => ({ ...was, certificate: { rawBytes: b64(Buffer.alloc(1_000_000)) } })),
      "unchecked unreadable: a certificate is larger than 65536 bytes",
    ],
    [
      "with a certificate of nested sequences",
      () =>
        material((was) => ({
          ...was,
          certificate: { rawBytes: b64(Buffer.alloc(60_000, Buffer.from([0x30, 0x80]))) },
        })),
      "unchecked unreadable: DER has a length that DER does not allow",
    ],
    [
      "with 10,000 log entries",
      () => material((was) => ({ ...was, tlogEntries: many(10_000, {}) })),
      "unchecked unreadable: the bundle is malformed: verificationMaterial.tlogEntries",
    ],
    [
      "with 10,000 hashes in a proof",
      () =>
        entries((entry) => ({
          ...entry,
          inclusionProof: { ...(entry["inclusionProof"] as Json), hashes: many(10_000, "AAAA") },
        })),
      "unchecked unreadable: the bundle is malformed: verificationMaterial.tlogEntries.0.inclusionProof.hashes",
    ],
    [
      "with 10,000 timestamps",
      () =>
        material((was) => ({
          ...was,
          timestampVerificationData: { rfc3161Timestamps: many(10_000, { signedTimestamp: "AAAA" }) },
        })),
      "unchecked unreadable: the bundle is malformed: verificationMaterial.timestampVerificationData",
    ],
    [
      "with 10,000 signatures",
      () => ({
        ...forged(signs(statementOf())),
        dsseEnvelope: {
          ...(forged(signs(statementOf()))["dsseEnvelope"] as Json),
          signatures: many(10_000, { sig: "AAAA", keyid: "" }),
        },
      }),
      "unchecked unreadable: the bundle is malformed: dsseEnvelope.signatures",
    ],
    [
      "with a log index of 10,000 digits",
      () => entries((entry) => ({ ...entry, logIndex: "9".repeat(10_000) })),
      "unchecked unreadable: the bundle is malformed: verificationMaterial.tlogEntries.0.logIndex",
    ],
    [
      "with a log index that is no number",
      () => entries((entry) => ({ ...entry, logIndex: "1e3" })),
      "unchecked unreadable: the bundle is malformed: verificationMaterial.tlogEntries.0.logIndex",
    ],
    [
      "of a megabyte of checkpoint",
      () =>
        entries((entry) => ({
          ...entry,
          inclusionProof: { ...(entry["inclusionProof"] as Json), checkpoint: { envelope: "x".repeat(1_000_000) } },
        })),
      "unchecked unreadable: the bundle is malformed: verificationMaterial.tlogEntries.0.inclusionProof.checkpoint",
    ],
  ])("%s is refused before any signature is looked at", async (_name, document, expected) => {
    const text = document();
    fromHere();
    expect(said(await readForged(instance, text))).toContain(expected);
    expect(cost.verified()).toBe(0);
    expect(cost.parsed()).toBeLessThan(16 * 1024 * 1024);
  });

  test.each<[string, (right: string) => string]>([
    ["without its padding", (right) => right.replace(/=+$/, "")],
    ["with white space", (right) => `${right.slice(0, 8)}\n${right.slice(8)}`],
    [
      "in the alphabet for addresses",
      (right) => right.replace(/\+/g, "-").replace(/\//g, "_").replace(/^..../, "-_-_"),
    ],
    ["with bits behind the end", (right) => right.replace(/.=$/, "B=").replace(/.==$/, "B==")],
    ["with something else behind it", (right) => `${right}====`],
  ])("with base64 %s is refused", async (_name, spell) => {
    // A digest of 32 bytes ends in one "=", so that every change changes the text.
    const digest = b64(createHash("sha256").update(program).digest());
    const document = message({ messageDigest: { algorithm: "SHA2_256", digest: spell(digest) } });
    expect(said(await readForged(instance, document))).toBe(
      "unchecked unreadable: the bundle holds malformed or empty base64",
    );
    expect(cost.verified()).toBe(0);
  });

  test("for another file is foreign, before any signature is looked at", async () => {
    const other = subjectOf(Buffer.from("another program"));
    expect(said(await readForged(instance, forged(signs(statementOf())), { subject: other }))).toBe(
      "foreign: the statement is about other files",
    );
    expect(cost.verified()).toBe(0);
    expect(said(await readForged(instance, forged(), { subject: other }))).toBe(
      "foreign: it is a signature of another file",
    );
    expect(cost.verified()).toBe(0);
  });

  test("that brings as many log entries as it may costs two signatures for each", async () => {
    const list = many(32, {}).map((_, at) => ({
      at: Date.parse("2026-01-02T03:04:05Z") + at * 1000,
      body: (was: Json) => ({ ...was, n: at }),
    }));
    expect(said(await readForged(instance, forged({ entries: list })))).toBe("claims claimed");
    // Promise and checkpoint of each; the certificate and its log. Over a digest alone the signature is checked elsewhere.
    expect(cost.verified()).toBe(32 * 2 + 2);
  });
});

describe("a statement", () => {
  test.each<[string, Buffer, string]>([
    [
      "nested 1,000 deep",
      Buffer.from(`{"a":${nested(1000)}}`),
      "unchecked unreadable: the statement is not read: it is nested deeper than 64",
    ],
    ["with a member twice", Buffer.from(twice(statementOf().toString())), "claims"],
    [
      "with its subject twice",
      Buffer.from(statementOf().toString().replace("{", '{"subject":[],')),
      "unchecked unreadable: the statement is not read: an object has the same name twice",
    ],
    ["without a type", statementOf({ _type: undefined }), "unchecked unreadable: the statement is malformed: _type"],
    [
      "of an unknown type",
      statementOf({ _type: "https://in-toto.io/Statement/v2" }),
      "unchecked unsupported: the statement type https://in-toto.io/Statement/v2 is not read",
    ],
    ["about nothing", statementOf({ subject: [] }), "unchecked unreadable: the statement is malformed: subject"],
    [
      "about 10,001 files",
      statementOf({ subject: many(10_001, { name: "x", digest: { sha256: "0" } }) }),
      "unchecked unreadable: the statement is malformed: subject",
    ],
    [
      "with a predicate nobody knows",
      statementOf({ predicateType: "https://example.com/thing/v1" }),
      "unchecked unsupported: the predicate https://example.com/thing/v1 is not one we read",
    ],
    [
      "with a predicate that only begins alike",
      statementOf({ predicateType: "https://slsa.dev/provenance/v1.evil" }),
      "unchecked unsupported: the predicate https://slsa.dev/provenance/v1.evil is not one we read",
    ],
    ["in UTF-16", Buffer.from(statementOf().toString(), "utf16le"), "unchecked unreadable: the statement is not read"],
    ["that is empty", Buffer.from(" "), "unchecked unreadable: the statement is not read: it is not JSON"],
  ])("%s", async (_name, payload, expected) => {
    expect(said(await readForged(instance, forged(signs(payload))))).toContain(expected);
  });

  test("signed under another payload type is not signed under this one", async () => {
    const bundle = forged(signs(statementOf(), "application/vnd.in-toto.provenance+dsse"));
    const envelope = bundle["dsseEnvelope"] as Json;
    const renamed = { ...bundle, dsseEnvelope: { ...envelope, payloadType: "application/vnd.in-toto+json" } };
    expect(said(await readForged(instance, renamed))).toContain("refuted forged:");
    expect(said(await readForged(instance, forged(signs(statementOf(), "text/plain"))))).toBe(
      "unchecked unsupported: the envelope's payload type text/plain is not read",
    );
  });
});

describe("an envelope by plain keys", () => {
  const statement = statementOf();
  const payloadType = "application/vnd.in-toto+json";
  const ours = keyPair("P-256");
  const pem = ours.publicKey.export({ type: "spki", format: "pem" }).toString();
  const asked: Asked = {
    ready: trustIn(instance, {
      trust: {
        keys: many(40, 0).map((_, at) => ({
          id: `key ${at}`,
          pem: at === 39 ? pem : otherPem(),
          uses: ["envelope" as const],
        })),
      },
    }),
  };
  const envelope = (signatures: readonly unknown[]): Json => ({ payload: b64(statement), payloadType, signatures });
  const bad = {
    keyid: "",
    sig: b64(sign("sha256", Buffer.from("x"), generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey)),
  };
  const good = {
    keyid: "key 39",
    sig: b64(sign("sha256", preAuthEncoding({ payload: statement, payloadType }), ours.privateKey)),
  };

  test("with 10,000 signatures is refused before any is looked at", async () => {
    expect(said(await readForged(instance, envelope(many(10_000, bad)), asked))).toBe(
      "unchecked unreadable: the envelope is malformed",
    );
    expect(cost.verified()).toBe(0);
  });
  test("with 64 signatures of nobody tries sixteen keys for each and no more", async () => {
    expect(said(await readForged(instance, envelope(many(64, bad)), asked))).toContain(
      "unchecked stale-trust: it is signed by keys that the trust document does not hold",
    );
    expect(cost.verified()).toBe(64 * 16);
  });
  test("with 63 signatures of nobody and one of ours holds", async () => {
    const strangers = many(63, { ...bad, keyid: "somebody else" });
    expect(said(await readForged(instance, envelope([...strangers, good]), asked))).toBe("claims publisher");
    expect(cost.verified()).toBe(1);
  });
});

function otherPem(): string {
  return keyPair("P-256").publicKey.export({ type: "spki", format: "pem" }).toString();
}

test("10,000 subjects are looked through with the file hashed once for each algorithm", async () => {
  const file = Buffer.alloc(1_000_000, 7);
  const others = many(9999, { name: "x", digest: { sha384: "0", sha512: "0" } });
  const digest = { sha384: createHash("sha384").update(file).digest("hex") };
  const document = forged(signs(statementOf({ subject: [...others, { name: "file", digest }] })));
  fromHere();
  expect(said(await readForged(instance, document, { subject: subjectOf(file, { bytes: file }) }))).toBe(
    "claims claimed",
  );
  // SHA-512 and SHA-384; the SHA-256 comes with the question.
  expect(Math.floor(cost.hashed() / file.length)).toBe(2);
});
