import { readdirSync, readFileSync } from "node:fs";
import type { Evidence } from "@provost/shared/provenance/format.ts";
import { artifactDocument } from "@provost/shared/provenance/oci/artifact.ts";
import { ociDigest } from "@provost/shared/provenance/oci/digest.ts";
import { bundleOf, type Bundle } from "@provost/shared/provenance/sigstore/bundle.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { readOne } from "@provost/shared/provenance/verify.ts";
import { firstSubject } from "./first-subject.ts";
import {
  json,
  now,
  provenance,
  publicTrust,
  setResult,
  subjectOf,
  type CaseResult,
  type SetResult,
} from "./vectors.ts";

/**
 * Published bundles, laid into a registry as cosign would: as a bundle that refers to its subject, and as ".att" with the certificate
 * and Rekor's promise in annotations. What holds by itself has to hold there, and for no other subject.
 */
export async function ociArtifacts(): Promise<SetResult> {
  const folder = provenance("sigstore-js", "tests", "bundles");
  const results: CaseResult[] = [];
  for (const name of readdirSync(folder).sort()) {
    const path = `${folder}/${name}`;
    const subject = firstSubject(path);
    for (const [layout, evidence] of [
      ["referrer", referrerOf(path, subject)],
      ["att", attestationOf(path)],
    ] as const) {
      if (evidence === undefined) continue;
      const [own, other] = [await read(evidence, subject), await read(evidence, subjectOf(Buffer.from("other")))];
      results.push({ id: `${name} as ${layout}`, asExpected: own === "claims", got: own });
      results.push({
        id: `${name} as ${layout} of another image`,
        asExpected: other.startsWith("foreign"),
        got: other,
      });
    }
  }
  return setResult("oci-artifacts", results);
}

async function read(evidence: Evidence, subject: Subject): Promise<string> {
  const reading = await readOne(evidence, { subject, criteria: {}, trust: publicTrust(), now });
  return reading.kind === "claims" ? "claims" : `${reading.kind}: ${reading.why}`;
}

const descriptor = (mediaType: string, bytes: Uint8Array, annotations: Readonly<Record<string, string>> = {}) => ({
  mediaType,
  digest: ociDigest(bytes),
  size: bytes.length,
  annotations,
});

const manifestOf = (layer: object, more: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: descriptor("application/vnd.oci.empty.v1+json", Buffer.from("{}")),
      layers: [layer],
      ...more,
    }),
  );

export function referrerOf(path: string, subject: Subject): Evidence | undefined {
  const bundle = readFileSync(path);
  const { mediaType } = json(path) as { readonly mediaType: string };
  const image = {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: `sha256:${subject.sha256}`,
    size: 1,
  };
  const layer = descriptor(mediaType, bundle);
  return artifactDocument(
    manifestOf(layer, { artifactType: mediaType, subject: image }),
    new Map([[layer.digest, bundle]]),
  );
}

/** Only where Rekor promised to keep it: cosign's annotation holds no proof of inclusion. */
export function attestationOf(path: string): Evidence | undefined {
  const document = json(path) as { readonly dsseEnvelope?: object };
  const { signer, entries }: Bundle = bundleOf(document);
  const [entry] = entries;
  if (document.dsseEnvelope === undefined || !("certificates" in signer) || entry?.promise === undefined)
    return undefined;
  const envelope = Buffer.from(JSON.stringify(document.dsseEnvelope));
  const [leaf, ...chain] = signer.certificates.map(
    (der) => `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`,
  );
  const layer = descriptor("application/vnd.dsse.envelope.v1+json", envelope, {
    "dev.cosignproject.cosign/signature": "",
    "dev.sigstore.cosign/certificate": leaf ?? "",
    ...(chain.length === 0 ? {} : { "dev.sigstore.cosign/chain": chain.join("") }),
    "dev.sigstore.cosign/bundle": JSON.stringify({
      SignedEntryTimestamp: entry.promise.toString("base64"),
      Payload: {
        body: entry.body.toString("base64"),
        integratedTime: entry.integratedTime,
        logIndex: Number(entry.logIndex),
        logID: entry.logId.toString("hex"),
      },
    }),
  });
  return artifactDocument(manifestOf(layer), new Map([[layer.digest, envelope]]));
}
