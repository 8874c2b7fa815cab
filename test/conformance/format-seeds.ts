import { createHash } from "node:crypto";
import { unzipSync } from "fflate";
import {
  createCleartextMessage,
  createMessage,
  generateKey,
  readCleartextMessage,
  readPrivateKey,
  readSignature,
  sign,
} from "openpgp";
import { readTrust, type Trust, type TrustDocument } from "@provost/shared/provenance/trust.ts";
import recorded from "../../shared/provenance/formats/jar/signed-jars.json" with { type: "json" };
import {
  attribute,
  forgeCertificate,
  forgeSignedData,
  forgeSigner,
  forgeToken,
  names,
  oid,
  oidOf,
  pemOf,
  sequence,
} from "../support/forge-cms.ts";
import { forgeZip } from "../support/forge-zip.ts";
import { firstSubject } from "./first-subject.ts";
import type { Seed } from "./mutant-seeds.ts";
import { attestationOf, referrerOf } from "./oci-artifacts.ts";
import { evidenceOf, haveVectors, provenance, publicTrust, subjectOf } from "./vectors.ts";

/** One of each format whose documents nobody publishes as a set: made here, recorded, or published ones laid out anew. */
export async function formatSeeds(): Promise<readonly Seed[]> {
  return [
    jarSeed("plain"),
    jarSeed("stamped"),
    nugetSeed(),
    ...(haveVectors() ? ociSeeds() : []),
    ...(await openpgpSeeds()),
  ];
}

/** Such a file is evidence about itself: changed, it is another file, and another question. */
function embedded(format: string, name: string, bytes: Uint8Array, trust: Trust): Seed {
  const evidence = evidenceOf(bytes, name);
  return { format, name, evidence, subject: subjectOf(bytes), embedded: true, trust, meaning: contentOf };
}

/** What lies in a zip, by another reader. Marks in its headers are not signed by either format. */
function contentOf(bytes: Uint8Array): string {
  const files = Object.entries(unzipSync(bytes)).map(
    ([name, data]) => `${name} ${createHash("sha256").update(data).digest("hex")}`,
  );
  return files.join("\n");
}

function jarSeed(name: "plain" | "stamped"): Seed {
  const trust = trustIn({
    certificates: [{ name: "Root", pem: recorded.root, uses: ["jar", "timestamp"] }],
    publishers: [{ authority: "Root", subject: { pattern: "CN=Example Publisher.*" } }],
  });
  return embedded("jar", `${name}.jar`, Buffer.from(recorded.jars[name], "base64"), trust);
}

function nugetSeed(): Seed {
  const root = forgeCertificate({ name: "Root", authority: true });
  const [author, repository] = ["Author", "Repository"].map((name) =>
    forgeCertificate({ name, issuer: root, usage: oidOf.codeSigning }),
  );
  const stamps = forgeCertificate({ name: "Stamps", issuer: root, usage: oidOf.timeStamping });
  if (author === undefined || repository === undefined) throw new Error("two certificates were made");
  const entries = [
    { name: "a.nuspec", data: "<package/>" },
    { name: "lib/a.dll", data: "MZ".repeat(40) },
  ];
  const content = Buffer.from(
    `Version:1\n\n${oidOf.sha256}-Hash:${createHash("sha256").update(forgeZip(entries)).digest("base64")}\n\n`,
  );
  const role = (last: number): Buffer =>
    attribute("1.2.840.113549.1.9.16.2.16", sequence(oid(`1.2.840.113549.1.9.16.6.${last}`)));
  const signer = forgeSigner(content, {
    by: author,
    attributes: [role(1), names(author)],
    unsigned: (signature) => [
      attribute(oidOf.timestampToken, forgeToken(signature, stamps, new Date("2026-01-02T03:04:05Z"))),
      attribute(
        oidOf.countersignature,
        forgeSigner(signature, { by: repository, attributes: [role(2), names(repository)], contentType: undefined }),
      ),
    ],
  });
  const signature = forgeSignedData({ content, certificates: [author, repository, root], signers: [signer] });
  const trust = trustIn({
    certificates: [{ name: "Root", pem: pemOf(root.der), uses: ["nuget", "timestamp"] }],
    publishers: [{ authority: "Root", subject: { exact: "CN=Repository" } }],
  });
  return embedded(
    "nuget",
    "a.nupkg",
    forgeZip([...entries, { name: ".signature.p7s", data: signature, stored: true }]),
    trust,
  );
}

function ociSeeds(): readonly Seed[] {
  const path = provenance("sigstore-js", "tests", "bundles", "bundleV02-intoto.sigstore");
  const subject = firstSubject(path);
  const trust = publicTrust();
  return [
    ["attestation.oci.json", attestationOf(path)] as const,
    ["referrer.oci.json", referrerOf(path, subject)] as const,
  ].flatMap(([name, evidence]) =>
    evidence === undefined ? [] : [{ format: "oci-artifact", name, evidence, subject, trust }],
  );
}

async function openpgpSeeds(): Promise<readonly Seed[]> {
  const date = new Date("2026-01-01T00:00:00Z");
  const { privateKey } = await generateKey({ userIDs: [{ name: "P" }], date, format: "armored" });
  const key = await readPrivateKey({ armoredKey: privateKey });
  const file = Buffer.from("#!/bin/sh\necho hello\n");
  const subject = { ...subjectOf(file), bytes: file };
  const trust = trustIn({
    openpgp: [{ name: "P", base64: Buffer.from(key.toPublic().armor()).toString("base64") }],
  });
  const seed = (name: string, text: string, meaning: NonNullable<Seed["meaning"]>): Seed => ({
    format: "openpgp",
    name,
    evidence: evidenceOf(Buffer.from(text), name),
    subject,
    trust,
    meaning,
  });
  const message = await createMessage({ binary: Uint8Array.from(file) });
  const detached = await sign({ message, signingKeys: key, detached: true, format: "armored", date });
  const text = `- a list\n${subject.sha256}  run.sh\n`;
  const list = await sign({ message: await createCleartextMessage({ text }), signingKeys: key, date });
  return [seed("run.sh.asc", detached, written), seed("SHA256SUMS.asc", list, listed)];
}

/** Armour has headers, checksums and line ends that say nothing of the signature in it. */
async function written(bytes: Uint8Array): Promise<string> {
  const signature = await readSignature({ armoredSignature: Buffer.from(bytes).toString("utf8") });
  return Buffer.from(signature.write()).toString("hex");
}

/** Written again, it has the signed text in its canonical form (RFC 9580 7.2) and what signs it, and nothing else. */
async function listed(bytes: Uint8Array): Promise<string> {
  const message = await readCleartextMessage({ cleartextMessage: Buffer.from(bytes).toString("utf8") });
  return message.armor();
}

function trustIn(document: TrustDocument): Trust {
  const read = readTrust(document);
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}
