import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { expect, test } from "vitest";
import { instant, sha256 } from "../../model/ids.ts";
import { preAuthEncoding } from "../intoto/envelope.ts";
import { guarded } from "../refusal.ts";
import { settle } from "../keys/signature-check.ts";
import { readTrust, type Trust } from "../trust.ts";
import { bundleOf } from "./bundle.ts";
import { readSignature } from "./read-signature.ts";

// Rekor v2: an Ed25519 tile log with no promises, entries of version 0.0.2, and an envelope logged by the digest of what was signed.
const now = instant(Date.parse("2026-06-01T00:00:00Z"));
const log = generateKeyPairSync("ed25519");
const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
const b64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");
const hashOf = (...parts: readonly Uint8Array[]): Buffer => createHash("sha256").update(Buffer.concat(parts)).digest();
const spki = (one: KeyObject): Buffer => one.export({ type: "spki", format: "der" });
const name = "log2026.example";
// c2sp.org/signed-note: SHA-256(name || "\n" || 0x01 || key)
const logId = hashOf(Buffer.from(`${name}\n`), Buffer.from([1]), spki(log.publicKey).subarray(-32));
const payload = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}');
const payloadType = "application/vnd.in-toto+json";
const signed = preAuthEncoding({ payload, payloadType });
const signature = sign("sha256", signed, key.privateKey);

interface Choice {
  readonly kind?: "dsse" | "hashedrekord";
  readonly over?: Uint8Array;
  readonly verifier?: KeyObject;
  readonly index?: number;
  readonly sibling?: Buffer;
}

function check({
  kind = "dsse",
  over,
  verifier = key.publicKey,
  index = 1,
  sibling = hashOf(Buffer.from("x")),
}: Choice): string {
  const by = {
    content: b64(signature),
    verifier: { keyDetails: "PKIX_ECDSA_P256_SHA_256", publicKey: { rawBytes: b64(spki(verifier)) } },
  };
  const digest = { algorithm: "SHA2_256" };
  const spec =
    kind === "dsse"
      ? { dsseV002: { payloadHash: { ...digest, digest: b64(hashOf(over ?? payload)) }, signatures: [by] } }
      : { hashedRekordV002: { data: { ...digest, digest: b64(hashOf(over ?? signed)) }, signature: by } };
  const body = Buffer.from(JSON.stringify({ apiVersion: "0.0.2", kind, spec }));
  const real = hashOf(Buffer.from("x"));
  const root = hashOf(Buffer.from([1]), real, hashOf(Buffer.from([0]), body));
  const note = `${name}\n2\n${b64(root)}\n`;
  const line = b64(Buffer.concat([logId.subarray(0, 4), sign(null, Buffer.from(note), log.privateKey)]));
  const witness = b64(Buffer.concat([Buffer.from("wit1"), Buffer.alloc(72)]));
  return guarded(
    () => {
      const bundle = bundleOf({
        mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        verificationMaterial: {
          publicKey: { hint: "release" },
          tlogEntries: [
            {
              logIndex: String(index),
              logId: { keyId: b64(logId) },
              kindVersion: { kind, version: "0.0.2" },
              inclusionProof: {
                logIndex: "1",
                treeSize: "2",
                rootHash: b64(root),
                hashes: [b64(sibling)],
                checkpoint: { envelope: `${note}\n\u2014 witness.example ${witness}\n\u2014 ${name} ${line}\n` },
              },
              canonicalizedBody: b64(body),
            },
          ],
        },
        dsseEnvelope: { payload: b64(payload), payloadType, signatures: [{ sig: b64(signature), keyid: "" }] },
      });
      const digestOfNothing = sha256("0".repeat(64));
      if (digestOfNothing === undefined) return "";
      settle(readSignature(bundle, { sha256: digestOfNothing }, trust(), now).checks);
      return "holds";
    },
    ({ basis, message }) => `${basis}: ${message}`,
  );
}

function trust(): Trust {
  const tlog = {
    baseUrl: `https://${name}`,
    publicKey: {
      rawBytes: b64(spki(log.publicKey)),
      keyDetails: "PKIX_ED25519",
      validFor: { start: "2025-01-01T00:00:00Z" },
    },
    logId: { keyId: b64(logId) },
  };
  const read = readTrust({
    sigstore: [{ mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1", tlogs: [tlog] }],
    keys: [{ id: "release", pem: key.publicKey.export({ type: "spki", format: "pem" }).toString(), uses: ["bundle"] }],
  });
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

test.each<[string, Choice, string]>([
  ["an envelope logged as such, beside a witness", {}, "holds"],
  ["an envelope logged by the digest of its encoding", { kind: "hashedrekord" }, "holds"],
  ["an entry for another payload", { over: Buffer.from("y") }, "forged: the log entry is for other content"],
  [
    "a digest of the payload where the encoding is meant",
    { kind: "hashedrekord", over: payload },
    "forged: the log entry is for other content",
  ],
  ["an entry by another key", { verifier: log.publicKey }, "forged: the log entry is for another signer"],
  ["an index that differs from the proof's", { index: 0 }, "forged: the log entry and its proof name different places"],
  [
    "a sibling that is not in the tree",
    { sibling: hashOf(Buffer.from("z")) },
    "forged: the proof of inclusion does not lead to the log's checkpoint",
  ],
])("%s", (_name, choice, expected) => {
  expect(check(choice)).toBe(expected);
});
