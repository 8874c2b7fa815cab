import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { createMessage, generateKey, readPrivateKey, readSignature, sign as signOpenPgp } from "openpgp";
import { preAuthEncoding } from "@provost/shared/provenance/intoto/envelope.ts";
import { npmKeys } from "@provost/shared/provenance/npm-keys.ts";
import { readTrust, type Trust, type TrustDocument } from "@provost/shared/provenance/trust.ts";
import { forgeBundle, type BundleParts } from "../support/sigstore/forge-bundle.ts";
import { b64, sigstoreInstance, trustedRoot } from "../support/sigstore/instance.ts";
import { keyPair, type KeyPair } from "../support/sigstore/write-certificate.ts";
import { jsonValue } from "./json-value.ts";
import type { Seed } from "./mutant-seeds.ts";
import { evidenceOf, subjectOf } from "./vectors.ts";

/** Documents made here that hold, one or more of each format, with the file they are about and the trust under which they hold. */
export async function forgedSeeds(): Promise<readonly Seed[]> {
  return [...bundles(), ...cosign(), envelope(), cloudBuild(), npmManifest(), minisign(), await openpgp()];
}

const artefact = Buffer.from("the program, long enough that a byte of it can be changed in many places");
const subject = { ...subjectOf(artefact), bytes: artefact };
const pemOf = ({ publicKey }: KeyPair): string => publicKey.export({ type: "spki", format: "pem" }).toString();

function trust(document: TrustDocument): Trust {
  const read = readTrust({ version: "forged", ...document });
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

const seed = (format: string, name: string, text: string | Uint8Array, by: Trust): Seed => ({
  format,
  name: `${name} (made here)`,
  evidence: evidenceOf(Buffer.from(text), name),
  subject,
  artefact,
  trust: by,
});

const statement = {
  payload: Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "program", digest: { sha256: subject.sha256 } }],
      predicateType: "https://in-toto.io/attestation/release/v0.1",
      predicate: { purl: "pkg:generic/program@1" },
    }),
  ),
  payloadType: "application/vnd.in-toto+json",
};

function bundles(): readonly Seed[] {
  const instance = sigstoreInstance();
  const key = keyPair("P-256");
  const by = trust({
    sigstore: [trustedRoot(instance)],
    keys: [{ id: "release", pem: pemOf(key), uses: ["bundle"] }],
  });
  const tiles = { log: "tiles" } as const;
  const kinds: readonly (readonly [string, BundleParts])[] = [
    ["0.1 message", { signs: { message: artefact }, version: "0.1", entries: [{ proof: false }] }],
    [
      "0.2 message with a chain",
      { signs: { message: artefact }, version: "0.2", above: [instance.certificates.intermediate] },
    ],
    ["0.3 statement", { signs: statement, entries: [{ kind: "dsse" }] }],
    ["0.3 rekor v2 message", { signs: { message: artefact }, entries: [tiles], stamps: [{}] }],
    ["0.3 rekor v2 statement", { signs: statement, entries: [{ ...tiles, kind: "hashedrekord" }], stamps: [{}] }],
    ["0.3 managed key", { signs: { message: artefact }, hint: "release", leaf: { key } }],
  ];
  return kinds.map(([name, parts]) => seed("sigstore-bundle", name, JSON.stringify(forgeBundle(instance, parts)), by));
}

/** What `cosign sign-blob --bundle` wrote before Sigstore bundles: taken from a 0.1 bundle. */
function cosign(): readonly Seed[] {
  const instance = sigstoreInstance();
  const made = forgeBundle(instance, { signs: { message: artefact }, version: "0.1", entries: [{ proof: false }] }) as {
    readonly verificationMaterial: {
      readonly x509CertificateChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
      readonly tlogEntries: readonly {
        readonly integratedTime: string;
        readonly inclusionPromise: { readonly signedEntryTimestamp: string };
        readonly logId: { readonly keyId: string };
        readonly canonicalizedBody: string;
      }[];
    };
    readonly messageSignature: { readonly signature: string };
  };
  const [certificate] = made.verificationMaterial.x509CertificateChain.certificates;
  return made.verificationMaterial.tlogEntries.map((entry) => {
    const document = {
      base64Signature: made.messageSignature.signature,
      cert: b64(`-----BEGIN CERTIFICATE-----\n${certificate?.rawBytes ?? ""}\n-----END CERTIFICATE-----\n`),
      rekorBundle: {
        SignedEntryTimestamp: entry.inclusionPromise.signedEntryTimestamp,
        Payload: {
          body: entry.canonicalizedBody,
          integratedTime: Number(entry.integratedTime),
          logIndex: 0,
          logID: Buffer.from(entry.logId.keyId, "base64").toString("hex"),
        },
      },
    };
    const by = trust({ sigstore: [trustedRoot(instance)] });
    return { ...seed("cosign-bundle", "cosign bundle", JSON.stringify(document), by), meaning: cosignMeaning };
  });
}

/** Lines of PEM may end in one way or another. */
function cosignMeaning(document: Uint8Array): unknown {
  const value = jsonValue(document);
  if (typeof value !== "object" || value === null || !("cert" in value) || typeof value.cert !== "string") return value;
  return {
    ...value,
    cert: Buffer.from(value.cert, "base64")
      .toString("latin1")
      .replace(/[\r\n]/g, ""),
  };
}

function envelope(): Seed {
  const key = keyPair("P-256");
  const sig = sign("sha256", preAuthEncoding(statement), key.privateKey);
  const document = {
    payload: b64(statement.payload),
    payloadType: statement.payloadType,
    signatures: [{ keyid: "release", sig: b64(sig) }],
  };
  const by = trust({ keys: [{ id: "release", pem: pemOf(key), uses: ["envelope"] }] });
  return seed("dsse", "envelope", JSON.stringify(document), by);
}

const inUrlAlphabet = (bytes: Uint8Array): string => b64(bytes).replace(/\+/g, "-").replace(/\//g, "_");

function cloudBuild(): Seed {
  const key = keyPair("P-256");
  const payload = Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "program", digest: { sha256: subject.sha256 } }],
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: {
        buildDefinition: {
          buildType: "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1",
          externalParameters: {},
        },
        runDetails: { builder: { id: "https://cloudbuild.googleapis.com/GoogleHostedWorker" } },
      },
    }),
  );
  const payloadType = "application/vnd.in-toto+json";
  const sig = inUrlAlphabet(sign("sha256", preAuthEncoding({ payload, payloadType }), key.privateKey));
  const one = { envelope: { payload: inUrlAlphabet(payload), payloadType, signatures: [{ keyid: "builder", sig }] } };
  const by = trust({ keys: [{ id: "builder", pem: pemOf(key), uses: ["envelope"] }] });
  return seed("cloud-build", "provenance", JSON.stringify({ provenance_summary: { provenance: [one] } }), by);
}

function npmManifest(): Seed {
  const key = keyPair("P-256");
  const integrity = `sha512-${createHash("sha512").update(artefact).digest("base64")}`;
  const sig = b64(sign("sha256", Buffer.from(`program@1.0.0:${integrity}`), key.privateKey));
  const document = {
    name: "program",
    version: "1.0.0",
    dist: { integrity, signatures: [{ keyid: "SHA256:registry", sig }] },
  };
  const spki = b64(key.publicKey.export({ type: "spki", format: "der" }));
  const by = trust({ keys: npmKeys({ keys: [{ keyid: "SHA256:registry", key: spki, expires: null }] }) });
  return seed("npm-signature", "manifest", JSON.stringify(document), by);
}

function minisign(): Seed {
  const key = generateKeyPairSync("ed25519");
  const bytes = sign(null, createHash("blake2b512").update(artefact).digest(), key.privateKey);
  const comment = "timestamp:1";
  const packet = Buffer.concat([Buffer.from("ED"), Buffer.from("0807060504030201", "hex"), bytes]);
  const whole = sign(null, Buffer.concat([bytes, Buffer.from(comment)]), key.privateKey);
  const text = `untrusted comment: x\n${b64(packet)}\ntrusted comment: ${comment}\n${b64(whole)}\n`;
  const by = trust({ keys: [{ id: "0102030405060708", pem: pemOf(key), uses: ["minisign"] }] });
  // The first line is nobody's word: it may say anything.
  const meaning = (document: Uint8Array): unknown => Buffer.from(document).toString("latin1").split("\n").slice(1);
  return { ...seed("minisign", "signature", text, by), meaning };
}

async function openpgp(): Promise<Seed> {
  const made = new Date("2026-01-01T00:00:00Z");
  const { privateKey } = await generateKey({ userIDs: [{ name: "P" }], date: made, format: "armored" });
  const key = await readPrivateKey({ armoredKey: privateKey });
  const message = await createMessage({ binary: Uint8Array.from(artefact) });
  const bytes = await signOpenPgp({ message, signingKeys: key, detached: true, format: "binary", date: made });
  const by = trust({ openpgp: [{ name: "publisher", base64: b64(key.toPublic().armor()) }] });
  // RFC 9580 3.2: the count of bits before a number is not part of the number; the library reads the same value.
  const meaning = async (document: Uint8Array): Promise<unknown> => {
    const signature = await readSignature({ binarySignature: Uint8Array.from(document) });
    return b64(signature.write());
  };
  return { ...seed("openpgp", "detached signature", Buffer.from(bytes), by), meaning };
}
