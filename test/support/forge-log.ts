import { createHash, createPublicKey, generateKeyPairSync, sign, verify, X509Certificate } from "node:crypto";
import * as z from "zod";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import { preAuthEncoding } from "@provost/shared/provenance/intoto/envelope.ts";
import { holdsOverDigest } from "@provost/shared/provenance/keys/over-digest.ts";
import { publicKey } from "@provost/shared/provenance/keys/public-key.ts";

/** A transparency log of our own: it takes what Rekor takes, checks the signature as Rekor does, and proves inclusion. */
export function forgeLog(name: () => string, clock: () => number) {
  const { publicKey: own, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = own.export({ format: "der", type: "spki" });
  const id = createHash("sha256").update(spki).digest();
  const leaves: Buffer[] = [];
  const append = (document: object) => {
    const body = Buffer.from(canonicalJson(document));
    leaves.push(leafHash(body));
    const index = leaves.length - 1;
    const root = rootOf(leaves);
    const note = `${name()} - 42\n${leaves.length}\n${root.toString("base64")}\n`;
    const signature = Buffer.concat([id.subarray(0, 4), sign("sha256", Buffer.from(note), privateKey)]);
    const checkpoint = `${note}\n\u2014 ${name()} ${signature.toString("base64")}\n`;
    return { body, index, root, checkpoint, hashes: pathOf(index, leaves), size: leaves.length };
  };
  return {
    spki,
    id,
    /** Rekor v1: POST /api/v1/log/entries. */
    addV1(proposed: unknown): object {
      const { body, index, root, checkpoint, hashes, size } = append(recordedV1(proposed));
      const integratedTime = Math.floor(clock() / 1000);
      const promised = { body: body.toString("base64"), integratedTime, logID: id.toString("hex"), logIndex: index };
      return {
        [leafHash(body).toString("hex")]: {
          ...promised,
          verification: {
            signedEntryTimestamp: sign("sha256", Buffer.from(canonicalJson(promised)), privateKey).toString("base64"),
            inclusionProof: {
              checkpoint,
              logIndex: index,
              treeSize: size,
              rootHash: root.toString("hex"),
              hashes: hashes.map((hash) => hash.toString("hex")),
            },
          },
        },
      };
    },
    /** Rekor v2: POST /api/v2/log/entries. */
    addV2(request: unknown): object {
      const { kind, document } = recordedV2(request);
      return this.record(kind, "0.0.2", document);
    },
    /** An entry as a bundle holds it, whatever it says: with its proof of inclusion, without a promise. */
    record(kind: string, version: string, document: object): object {
      const { body, index, root, checkpoint, hashes, size } = append(document);
      return {
        logIndex: String(index),
        logId: { keyId: id.toString("base64") },
        kindVersion: { kind, version },
        integratedTime: "0",
        inclusionProof: {
          logIndex: String(index),
          treeSize: String(size),
          rootHash: root.toString("base64"),
          hashes: hashes.map((hash) => hash.toString("base64")),
          checkpoint: { envelope: checkpoint },
        },
        canonicalizedBody: body.toString("base64"),
      };
    },
  };
}

const text = z.string();
const Hashed = z.object({
  kind: z.literal("hashedrekord"),
  spec: z.object({
    data: z.object({ hash: z.object({ algorithm: z.literal("sha256"), value: text }) }),
    signature: z.object({ content: text, publicKey: z.object({ content: text }) }),
  }),
});
const Dsse = z.object({
  kind: z.literal("dsse"),
  spec: z.object({ proposedContent: z.object({ envelope: text, verifiers: z.array(text).length(1) }) }),
});
const Envelope = z.object({
  payload: text,
  payloadType: text,
  signatures: z.array(z.object({ sig: text })).length(1),
});

function recordedV1(proposed: unknown): object {
  const hashed = Hashed.safeParse(proposed);
  if (hashed.success) {
    const { data, signature } = hashed.data.spec;
    const key = keyIn(decode(signature.publicKey.content).toString());
    require(holdsOverDigest(publicKey(key), "sha256", Buffer.from(data.hash.value, "hex"), decode(signature.content)));
    return { apiVersion: "0.0.1", ...hashed.data };
  }
  const { envelope: json, verifiers } = Dsse.parse(proposed).spec.proposedContent;
  const envelope = Envelope.parse(JSON.parse(json));
  const signature = envelope.signatures[0]?.sig ?? "";
  requireEnvelope(envelope, signature, keyIn(decode(verifiers[0] ?? "").toString()));
  return {
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      envelopeHash: { algorithm: "sha256", value: sha256(Buffer.from(json)).toString("hex") },
      payloadHash: { algorithm: "sha256", value: sha256(decode(envelope.payload)).toString("hex") },
      signatures: [{ signature, verifier: verifiers[0] }],
    },
  };
}

const VerifierV2 = z.object({ keyDetails: text, x509Certificate: z.object({ rawBytes: text }) });
const HashedV2 = z.object({
  hashedRekordRequestV002: z.object({ digest: text, signature: z.object({ content: text, verifier: VerifierV2 }) }),
});
const DsseV2 = z.object({
  dsseRequestV002: z.object({ envelope: Envelope, verifiers: z.array(VerifierV2).length(1) }),
});

function recordedV2(request: unknown): { readonly kind: string; readonly document: object } {
  const hashed = HashedV2.safeParse(request);
  if (hashed.success) {
    const { digest, signature } = hashed.data.hashedRekordRequestV002;
    const key = publicKey(certifiedKey(decode(signature.verifier.x509Certificate.rawBytes)));
    require(holdsOverDigest(key, "sha256", decode(digest), decode(signature.content)));
    const spec = { hashedRekordV002: { data: { algorithm: "SHA2_256", digest }, signature } };
    return { kind: "hashedrekord", document: { apiVersion: "0.0.2", kind: "hashedrekord", spec } };
  }
  const { envelope, verifiers } = DsseV2.parse(request).dsseRequestV002;
  const content = envelope.signatures[0]?.sig ?? "";
  requireEnvelope(envelope, content, certifiedKey(decode(verifiers[0]?.x509Certificate.rawBytes ?? "")));
  const payloadHash = { algorithm: "SHA2_256", digest: sha256(decode(envelope.payload)).toString("base64") };
  const spec = { dsseV002: { payloadHash, signatures: [{ content, verifier: verifiers[0] }] } };
  return { kind: "dsse", document: { apiVersion: "0.0.2", kind: "dsse", spec } };
}

function requireEnvelope(envelope: z.infer<typeof Envelope>, signature: string, spki: Buffer): void {
  const signed = preAuthEncoding({ payload: decode(envelope.payload), payloadType: envelope.payloadType });
  const key = createPublicKey({ key: spki, format: "der", type: "spki" });
  require(verify(key.asymmetricKeyType === "ed25519" ? null : "sha256", signed, key, decode(signature)));
}

function require(holds: boolean): void {
  if (!holds) throw new Error("the signature does not verify");
}

function keyIn(pem: string): Buffer {
  if (pem.includes("BEGIN CERTIFICATE")) return certifiedKey(new X509Certificate(pem).raw);
  return createPublicKey(pem).export({ format: "der", type: "spki" });
}

const certifiedKey = (der: Buffer): Buffer =>
  new X509Certificate(der).publicKey.export({ format: "der", type: "spki" });
const decode = (base64: string): Buffer => Buffer.from(base64, "base64");
const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
const leafHash = (body: Buffer): Buffer => sha256(Buffer.concat([Buffer.from([0]), body]));
const nodeHash = (left: Buffer, right: Buffer): Buffer => sha256(Buffer.concat([Buffer.from([1]), left, right]));

/** RFC 9162 2.1.1 and 2.1.3.1. */
function rootOf(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only !== undefined && leaves.length === 1) return only;
  const split = halfOf(leaves.length);
  return nodeHash(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

function pathOf(index: number, leaves: readonly Buffer[]): readonly Buffer[] {
  if (leaves.length <= 1) return [];
  const split = halfOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split ? [...pathOf(index, left), rootOf(right)] : [...pathOf(index - split, right), rootOf(left)];
}

const halfOf = (size: number): number => 2 ** Math.ceil(Math.log2(size) - 1);
