import { guarded, type Refusal } from "../refusal.ts";
import type { Evidence } from "../format.ts";
import { artifactDocument, layerTypes } from "./artifact.ts";
import { ociDigest } from "./digest.ts";
import { manifestTypes, readIndex, readManifest, type Descriptor } from "./manifest.ts";

/** What a registry answered about one image or artefact, by digest. Nothing of it is believed. */
export interface RegistryAnswers {
  /** "sha256:..." of the manifest that was asked about. */
  readonly subject: string;
  readonly manifests: ReadonlyMap<string, Uint8Array>;
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** The manifest asked about, where the question is about a file among its layers. */
  readonly about?: Uint8Array;
}

export interface FoundEvidence {
  readonly evidence: readonly Evidence[];
  /** What was there and could not be used: by digest, with the reason. */
  readonly refused: readonly { readonly digest: string; readonly why: string }[];
}

/**
 * Those of an index (the referrers API, or the tag in its place) that may carry a signature we read. An index need not say the type:
 * then the manifest has to be looked at.
 */
export function referrersToRead(index: Uint8Array): readonly Descriptor[] {
  const seen = new Set<string>();
  return readIndex(index).filter(({ artifactType, digest, mediaType }) => {
    if (seen.has(digest) || !manifestTypes.has(mediaType)) return false;
    seen.add(digest);
    return artifactType === undefined || isReadArtifact(artifactType);
  });
}

/** Evidence from the index of what refers to `subject`. A manifest that is about something else is refused, whoever lists it. */
export function referrerEvidence(index: Uint8Array, answers: RegistryAnswers): FoundEvidence {
  return collected(referrersToRead(index), answers, true);
}

/** Evidence from manifests that name their subject by their tag alone: what cosign keeps as "sha256-....sig" and ".att". */
export function taggedEvidence(tagged: readonly Descriptor[], answers: RegistryAnswers): FoundEvidence {
  return collected(tagged, answers, false);
}

function isReadArtifact(artifactType: string): boolean {
  return layerTypes.bundle.test(artifactType) || artifactTypes.has(artifactType);
}

const artifactTypes: ReadonlySet<string> = new Set([
  "application/vnd.dev.cosign.artifact.sig.v1+json",
  "application/vnd.dev.cosign.artifact.att.v1+json",
  layerTypes.simpleSigning,
  layerTypes.envelope,
  // Manifests older than artifactType say what they are by their config alone, which is an image's.
  "application/vnd.oci.image.config.v1+json",
]);

function collected(listed: readonly Descriptor[], answers: RegistryAnswers, bySubject: boolean): FoundEvidence {
  const found = listed.map((one) =>
    guarded<{ evidence: Evidence } | { refused: string }>(
      () => evidenceOf(one, answers, bySubject),
      ({ message }: Refusal) => ({ refused: message }),
    ),
  );
  return {
    evidence: found.flatMap((one) => ("evidence" in one ? [one.evidence] : [])),
    refused: found.flatMap((one, at) =>
      "refused" in one ? [{ digest: listed[at]?.digest ?? "", why: one.refused }] : [],
    ),
  };
}

function evidenceOf(
  { digest, size }: Descriptor,
  { subject, manifests, blobs, about }: RegistryAnswers,
  bySubject: boolean,
): { evidence: Evidence } | { refused: string } {
  const bytes = manifests.get(digest);
  if (bytes === undefined) return { refused: "the registry did not answer for it" };
  if (bytes.length !== size || ociDigest(bytes) !== digest)
    return { refused: "the registry answered with other bytes than its digest names" };
  const manifest = readManifest(bytes);
  if (manifest.subject === undefined ? bySubject : manifest.subject.digest !== subject)
    return { refused: "it refers to another manifest" };
  if (about !== undefined && ociDigest(about) !== subject)
    return { refused: "the manifest asked about has other bytes than its digest names" };
  return { evidence: artifactDocument(bytes, blobs, about) };
}
