import * as z from "zod";
import { parseStrictJson } from "../../../lib/strict-json.ts";
import { sha256 } from "../../../model/ids.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import { checkCosign } from "../../cosign/check-cosign.ts";
import { pemCertificates } from "../../cosign/pem-certificates.ts";
import { cosignBytes, RekorBundleDocument, rekorEntry } from "../../cosign/rekor-bundle.ts";
import { headText } from "../../document-head.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { Refusal, asRefusal, guarded, unreadable, unsupported } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import { artifactType, layerTypes, readArtifact, type Artifact } from "../../oci/artifact.ts";
import { maxManifestBytes, readManifest, type Descriptor } from "../../oci/manifest.ts";
import { readBundle, type Bundle } from "../../sigstore/bundle.ts";
import { checkBundle } from "../../sigstore/check-bundle.ts";
import type { Subject } from "../../subject.ts";
import type { Trust } from "../../trust.ts";
import { aboutArtifact } from "./about-artifact.ts";
import { readEnvelopeIn, simpleSigningPayload } from "./payloads.ts";

/**
 * What is attached to an image in a registry: cosign's signatures (".sig") and attestations (".att"), and Sigstore bundles that refer
 * to it. The document holds one manifest with its blobs; the subject is the image's manifest, or a file that this manifest lists.
 */
export const ociArtifact: ProvenanceFormat<Trust> = {
  id: "oci-artifact",
  recognises: ({ bytes }) => head(bytes).includes(artifactType) || isBareManifest(bytes),
  read: (evidence, question) => reading(question, () => claimsIn(evidence, question)),
  about: aboutArtifact,
};

const head = (bytes: Uint8Array): string => headText(bytes, 1024);

/** Read whole before it is taken for one: bills of materials have members of the same names. */
function isBareManifest(bytes: Uint8Array): boolean {
  if (bytes.length > maxManifestBytes || !headText(bytes, 64 * 1024).includes('"schemaVersion"')) return false;
  return guarded(
    () => readManifest(bytes).layers.length > 0,
    () => false,
  );
}

async function claimsIn(evidence: Evidence, question: Question<Trust>): Promise<readonly [Claim, ...Claim[]]> {
  if (!head(evidence.bytes).includes(artifactType))
    throw new Refusal("unreachable", "the manifest comes without its blobs", "the blobs that the manifest names");
  const artifact = readArtifact(evidence.bytes);
  const signed = signedSubject(artifact, question.subject);
  const { subject: refersTo } = artifact.manifest;
  if (refersTo !== undefined && refersTo.digest !== `sha256:${signed.sha256}`)
    throw new Refusal("foreign", "it refers to another image");
  const held: Claim[] = [];
  const refusals: Refusal[] = [];
  for (const [at, layer] of artifact.manifest.layers.entries()) {
    const blob = artifact.blobs[at];
    if (blob === undefined) continue;
    try {
      const attested = await checkLayer(layer, blob, { ...question, subject: signed });
      const facts = { image: `sha256:${signed.sha256}` };
      held.push(claimOf({ format: "oci-artifact", ...attested, facts }, evidence, question));
    } catch (cause) {
      refusals.push(asRefusal(cause));
    }
  }
  const [first, ...rest] = held;
  if (first !== undefined) return [first, ...rest];
  throw refusals.find(({ basis }) => basis !== "foreign") ?? refusals[0] ?? unreadable("the OCI artifact is empty");
}

/** The manifest that has to be signed: the subject itself, or the one that lists the subject among its layers. */
function signedSubject({ about }: Artifact, subject: Subject): Subject {
  if (about === undefined || about.digest === `sha256:${subject.sha256}`) return subject;
  if (!about.manifest.layers.some(({ digest }) => digest === `sha256:${subject.sha256}`))
    throw new Refusal("foreign", "the manifest it is about does not list this file");
  const digest = sha256(about.digest.slice("sha256:".length));
  if (digest === undefined) throw unreadable("the manifest has no digest");
  return { sha256: digest, bytes: about.bytes };
}

function checkLayer(layer: Descriptor, blob: Buffer, question: Question<Trust>): ReturnType<typeof checkBundle> {
  if (layerTypes.bundle.test(layer.mediaType)) return checkBundle(readBundle(blob), question);
  switch (layer.mediaType) {
    case layerTypes.simpleSigning:
      return checkSimpleSigning(layer, blob, question);
    case layerTypes.envelope:
      return checkCosign(
        { ...materialOf(layer), content: { kind: "envelope", envelope: readEnvelopeIn(blob), source: blob } },
        question,
      );
    default:
      throw unsupported(`layers of type ${layer.mediaType} are not read`);
  }
}

/** cosign SIGNATURE_SPEC: the signature is over the payload, and the payload names the image by digest. */
async function checkSimpleSigning(
  layer: Descriptor,
  payload: Buffer,
  question: Question<Trust>,
): ReturnType<typeof checkBundle> {
  const image = simpleSigningPayload(payload);
  if (image !== `sha256:${question.subject.sha256}`) throw new Refusal("foreign", "the signature is for another image");
  const digest = sha256(layer.digest.slice("sha256:".length));
  const signature = layer.annotations["dev.cosignproject.cosign/signature"];
  if (digest === undefined || signature === undefined) throw unreadable("the layer carries no signature");
  return checkCosign(
    {
      ...materialOf(layer),
      content: {
        kind: "message",
        algorithm: "sha256",
        digest: Buffer.from(digest, "hex"),
        signature: cosignBytes(signature),
      },
    },
    { ...question, subject: { sha256: digest, bytes: payload } },
  );
}

/** cosign SIGNATURE_SPEC, "Signatures" and "Certificates": what stands beside a layer in its annotations. */
function materialOf({ annotations }: Descriptor): Pick<Bundle, "version" | "entries" | "timestamps"> & {
  readonly signer: Bundle["signer"] | undefined;
} {
  const certificate = annotations["dev.sigstore.cosign/certificate"];
  const log = annotations["dev.sigstore.cosign/bundle"];
  const stamp = annotations["dev.sigstore.cosign/rfc3161timestamp"];
  return {
    version: "0.1",
    signer: certificate === undefined ? undefined : chainOf(certificate, annotations["dev.sigstore.cosign/chain"]),
    entries: log === undefined ? [] : [rekorEntry(annotation(RekorBundleDocument, log))],
    timestamps: stamp === undefined ? [] : [cosignBytes(annotation(TimestampDocument, stamp).SignedRFC3161Timestamp)],
  };
}

const TimestampDocument = z.strictObject({
  SignedRFC3161Timestamp: z
    .string()
    .min(1)
    .max(128 * 1024),
});

function chainOf(certificate: string, chain: string | undefined): Bundle["signer"] {
  const [leaf, another] = pemCertificates(certificate);
  if (leaf === undefined || another !== undefined) throw unreadable("the signature names no one certificate");
  return { certificates: [leaf, ...(chain === undefined ? [] : pemCertificates(chain))] };
}

function annotation<T extends z.ZodType>(schema: T, text: string): z.infer<T> {
  const json = parseStrictJson(text);
  const parsed = schema.safeParse(json.ok ? json.value : undefined);
  if (!parsed.success) throw unreadable("an annotation of the signature is malformed");
  return parsed.data;
}
