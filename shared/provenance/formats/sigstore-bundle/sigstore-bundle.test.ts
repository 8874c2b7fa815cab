import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { describe, expect, test } from "vitest";
import { instant, sha256 } from "../../../model/ids.ts";
import type { Subject } from "../../subject.ts";
import { readTrust, type Trust, type TrustDocument } from "../../trust.ts";
import { verify } from "../../verify.ts";

// A log of our own with one entry, and a managed key: everything but certificates, whose chains the published vectors cover.
const signedAt = Date.parse("2026-01-02T03:04:05Z");
const now = instant(Date.parse("2026-06-01T00:00:00Z"));
const log = generateKeyPairSync("ec", { namedCurve: "P-256" });
const otherLog = generateKeyPairSync("ec", { namedCurve: "P-256" });
const publisher = generateKeyPairSync("ec", { namedCurve: "P-256" });
const file = Buffer.from("the program");
const hashOf = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
const digest = (bytes: Uint8Array): Subject["sha256"] => sha256(hashOf(bytes).toString("hex")) ?? ("" as never);
const spki = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" });
const b64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");
const subject: Subject = { sha256: digest(file) };
const logId = (key: KeyObject): Buffer => hashOf(spki(key));

interface Parts {
  readonly key?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly body?: object;
  readonly bodyDigest?: string;
  readonly integratedTime?: number;
  readonly checkpointBy?: KeyObject;
  readonly origin?: string;
  readonly logIndex?: number;
}

function bundle(parts: Parts = {}, over: Uint8Array = file): Record<string, unknown> {
  const { key = publisher, integratedTime = signedAt / 1000, checkpointBy = log.privateKey, logIndex = 0 } = parts;
  const signature = sign("sha256", over, key.privateKey);
  const body = Buffer.from(
    JSON.stringify(
      parts.body ?? {
        apiVersion: "0.0.1",
        kind: "hashedrekord",
        spec: {
          data: { hash: { algorithm: "sha256", value: parts.bodyDigest ?? hashOf(over).toString("hex") } },
          signature: {
            content: b64(signature),
            publicKey: { content: b64(key.publicKey.export({ type: "spki", format: "pem" })) },
          },
        },
      },
    ),
  );
  const id = logId(log.publicKey);
  const promise = `{"body":"${b64(body)}","integratedTime":${integratedTime},"logID":"${id.toString("hex")}","logIndex":${logIndex}}`;
  const root = hashOf(Buffer.concat([Buffer.from([0]), body]));
  const note = `${parts.origin ?? "log.example"} - 1\n1\n${b64(root)}\n`;
  const line = b64(Buffer.concat([id.subarray(0, 4), sign("sha256", Buffer.from(note), checkpointBy)]));
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      publicKey: { hint: "release" },
      tlogEntries: [
        {
          logIndex: String(logIndex),
          logId: { keyId: b64(id) },
          kindVersion: { kind: "hashedrekord", version: "0.0.1" },
          integratedTime: String(integratedTime),
          inclusionPromise: { signedEntryTimestamp: b64(sign("sha256", Buffer.from(promise), log.privateKey)) },
          inclusionProof: {
            logIndex: "0",
            treeSize: "1",
            rootHash: b64(root),
            hashes: [],
            checkpoint: { envelope: `${note}\n\u2014 log.example ${line}\n` },
          },
          canonicalizedBody: b64(body),
        },
      ],
    },
    messageSignature: {
      messageDigest: { algorithm: "SHA2_256", digest: b64(hashOf(over)) },
      signature: b64(signature),
    },
  };
}

const rekor = (key: KeyObject, validFor: object = { start: "2025-01-01T00:00:00Z" }) => ({
  baseUrl: "https://log.example",
  hashAlgorithm: "SHA2_256",
  publicKey: { rawBytes: b64(spki(key)), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor },
  logId: { keyId: b64(logId(key)) },
});

const document = (
  tlogs: readonly object[] = [rekor(log.publicKey)],
  more: Partial<TrustDocument> = {},
): TrustDocument => ({
  sigstore: [{ mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1", tlogs }],
  keys: [
    { id: "release", pem: publisher.publicKey.export({ type: "spki", format: "pem" }).toString(), uses: ["bundle"] },
  ],
  ...more,
});

function trust(from: unknown = document()): Trust {
  const read = readTrust(from);
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

async function judged(text: unknown, about = subject, by = trust(), at = now) {
  const bytes = Buffer.from(typeof text === "string" ? text : JSON.stringify(text));
  const { verdict } = await verify(about, [{ bytes, sha256: digest(bytes) }], {}, by, at);
  return verdict;
}

async function standing(...question: Parameters<typeof judged>): Promise<string> {
  const { standing: found, basis } = await judged(...question);
  return `${found} ${basis}`;
}

describe("a message signed by a managed key", () => {
  test("holds over the digest alone", async () => {
    expect(await standing(bundle())).toBe("signed publisher");
  });
  test("holds over the bytes", async () => {
    expect(await standing(bundle(), { ...subject, bytes: file })).toBe("signed publisher");
  });
  test("is foreign to another file", async () => {
    expect(await standing(bundle(), { sha256: digest(Buffer.from("x")) })).toBe("unproven none");
  });
  test("is forged when the digest was only renamed", async () => {
    const other = Buffer.from("x");
    const renamed = bundle();
    const messageSignature = {
      ...(renamed["messageSignature"] as object),
      messageDigest: { algorithm: "SHA2_256", digest: b64(hashOf(other)) },
    };
    expect(await standing({ ...renamed, messageSignature }, { sha256: digest(other) })).toBe("refuted forged");
  });
  test("holds for a P-384 key over SHA-256, as cosign signs", async () => {
    const key = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const pem = key.publicKey.export({ type: "spki", format: "pem" }).toString();
    const by = trust(document(undefined, { keys: [{ id: "release", pem, uses: ["bundle"] }] }));
    expect(await standing(bundle({ key }), subject, by)).toBe("signed publisher");
    expect(await standing(bundle({ key }), { ...subject, bytes: file }, by)).toBe("signed publisher");
  });
  test("holds for an RSA key over the digest alone", async () => {
    const key = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = key.publicKey.export({ type: "spki", format: "pem" }).toString();
    const by = trust(document(undefined, { keys: [{ id: "release", pem, uses: ["bundle"] }] }));
    expect(await standing(bundle({ key }), subject, by)).toBe("signed publisher");
  });
});

const whole = bundle();
const entry = (): Record<string, unknown> => {
  const [first] = (whole["verificationMaterial"] as { tlogEntries: Record<string, unknown>[] }).tlogEntries;
  return first ?? {};
};
const withEntries = (...tlogEntries: unknown[]): object => ({
  ...whole,
  verificationMaterial: { publicKey: { hint: "release" }, tlogEntries },
});
const hint = (name: string): object => {
  const made = bundle();
  return { ...made, verificationMaterial: { ...(made["verificationMaterial"] as object), publicKey: { hint: name } } };
};

test.each<[string, unknown, string, string]>([
  [
    "a checkpoint signed by another log",
    bundle({ checkpointBy: otherLog.privateKey }),
    "refuted forged",
    "checkpoint does not verify",
  ],
  [
    "a checkpoint of another origin",
    bundle({ origin: "other.example" }),
    "refuted forged",
    "checkpoint is not signed by the log",
  ],
  [
    "an entry about other content",
    bundle({ bodyDigest: "0".repeat(64) }),
    "refuted forged",
    "log entry is for other content",
  ],
  [
    "an entry of another kind",
    bundle({ body: { apiVersion: "0.0.2", kind: "rpm", spec: {} } }),
    "refuted forged",
    "of another kind",
  ],
  ["an entry by another signer", bundle({ key: otherLog }), "refuted forged", "another signer"],
  [
    "a time in the far future",
    bundle({ integratedTime: 4_000_000_000 }),
    "unchecked no-time-proof",
    "after the time it is judged at",
  ],
  [
    "a time beyond any calendar",
    bundle({ integratedTime: 900_000_000_000 }),
    "unchecked unreadable",
    "beyond the year 9999",
  ],
  ["the same entry twice", withEntries(entry(), entry()), "unchecked unreadable", "twice"],
  ["no log entry", withEntries(), "unchecked unreachable", "no transparency log entry"],
  [
    "more entries than any bundle needs",
    withEntries(...Array.from({ length: 33 }, entry)),
    "unchecked unreadable",
    "malformed",
  ],
  [
    "an entry without promise and proof",
    withEntries({ ...entry(), inclusionPromise: null, inclusionProof: null }),
    "unchecked unreadable",
    "needs an inclusion proof",
  ],
  [
    "an unknown log",
    withEntries({ ...entry(), logId: { keyId: b64(logId(otherLog.publicKey)) } }),
    "unchecked stale-trust",
    "which the trust document does not name",
  ],
  [
    "base64 without padding",
    withEntries({ ...entry(), canonicalizedBody: "YWI" }),
    "unchecked unreadable",
    "malformed or empty base64",
  ],
  ["an unknown key", hint("other"), "unchecked stale-trust", "which the trust document does not hold"],
  [
    "an empty certificate chain",
    { ...bundle(), verificationMaterial: { x509CertificateChain: { certificates: [] }, tlogEntries: [entry()] } },
    "unchecked unreadable",
    "malformed",
  ],
  [
    "a certificate that is none",
    { ...bundle(), verificationMaterial: { certificate: { rawBytes: b64("x") }, tlogEntries: [entry()] } },
    "unchecked unreadable",
    "DER",
  ],
  [
    "two signers",
    {
      ...bundle(),
      verificationMaterial: {
        publicKey: { hint: "release" },
        certificate: { rawBytes: "AAAA" },
        tlogEntries: [entry()],
      },
    },
    "unchecked unreadable",
    "several signers",
  ],
  ["an unknown member", { ...bundle(), extra: 1 }, "unchecked unreadable", "malformed"],
  [
    "an unknown version",
    { ...bundle(), mediaType: "application/vnd.dev.sigstore.bundle.v0.9+json" },
    "unchecked unsupported",
    "is not read",
  ],
  [
    "a member twice",
    JSON.stringify(bundle()).replace("{", '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",'),
    "unchecked unreadable",
    "same name twice",
  ],
  [
    "nesting without end",
    `${JSON.stringify(bundle()).slice(0, -1)},"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    "unchecked unreadable",
    "nested deeper",
  ],
])("%s has its own reason", async (_name, text, expected, why) => {
  const verdict = await judged(text);
  expect(`${verdict.standing} ${verdict.basis}`).toBe(expected);
  expect(verdict.says).toContain(why);
});

describe("trust", () => {
  test.each([
    ["a log key without a start", [rekor(log.publicKey, {})], "without the start of its validity"],
    [
      "a log key that ends before it starts",
      [rekor(log.publicKey, { start: "2026-01-01T00:00:00Z", end: "2025-01-01T00:00:00Z" })],
      "ends before it starts",
    ],
    [
      "a curve that is not accepted",
      [rekor(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey)],
      "the curve 1.3.132.0.10 is not accepted",
    ],
  ])("%s is refused whole", (_name, tlogs, why) => {
    const read = readTrust(document(tlogs));
    expect(read.ok ? "read" : read.why).toContain(why);
  });

  test("a log key outside its window vouches for nothing", async () => {
    const by = trust(document([rekor(log.publicKey, { start: "2026-03-01T00:00:00Z" })]));
    expect(await standing(bundle(), subject, by)).toBe("refuted forged");
  });

  test("an expired trust document is neither proof nor guilt", async () => {
    const by = trust(document(undefined, { expires: "2026-05-01T00:00:00Z" }));
    expect(await standing(bundle(), subject, by)).toBe("unchecked stale-trust");
    expect(await standing(bundle({ checkpointBy: otherLog.privateKey }), subject, by)).toBe("unchecked stale-trust");
    expect(await standing(bundle(), subject, by, instant(Date.parse("2026-04-01T00:00:00Z")))).toBe("signed publisher");
  });

  test("a revoked key is refused for what it signed in that window", async () => {
    const revoked = (from: string): Trust =>
      trust(document(undefined, { revocations: [{ what: "key", value: "release", from, why: "stolen" }] }));
    expect(await standing(bundle(), subject, revoked("2026-01-01T00:00:00Z"))).toBe("refuted revoked");
    expect(await standing(bundle(), subject, revoked("2026-02-01T00:00:00Z"))).toBe("signed publisher");
  });

  test("a revoked digest is refuted whatever proves it", async () => {
    const by = trust(document(undefined, { revocations: [{ what: "digest", value: subject.sha256, why: "malware" }] }));
    expect(await standing(bundle(), subject, by)).toBe("refuted revoked");
  });
});

test("a broken document beside a good one is named in the chain and takes nothing away", async () => {
  const documents = [bundle(), bundle({ checkpointBy: otherLog.privateKey })].map((one) =>
    Buffer.from(JSON.stringify(one)),
  );
  const evidence = documents.map((bytes) => ({ bytes, sha256: digest(bytes) }));
  const { verdict } = await verify(subject, evidence, {}, trust(), now);
  expect(verdict.standing).toBe("signed");
  expect(verdict.chain.filter(({ state }) => state === "failed").map(({ says }) => says)).toEqual([
    "Another document fails: the log's checkpoint does not verify.",
  ]);
});
