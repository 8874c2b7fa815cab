import { pemCertificates } from "../../cosign/pem-certificates.ts";
import type { Evidence } from "../../format.ts";
import { layerTypes, readArtifact } from "../../oci/artifact.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import { saidByBundle, saidByEnvelope, subjectDigest, type Said, type SubjectDigest } from "../../said.ts";
import { readBundle } from "../../sigstore/bundle.ts";
import { readEnvelopeIn, simpleSigningPayload } from "./payloads.ts";

/** What each layer names, what the manifest refers to, and the files that the signed manifest lists. */
export function aboutArtifact({ bytes }: Evidence): readonly Said[] {
  const { manifest, blobs, about } = readArtifact(bytes);
  const listed = about === undefined ? [] : [about.digest, ...about.manifest.layers.map(({ digest }) => digest)];
  const subject = manifest.subject === undefined ? [] : [manifest.subject.digest];
  const layers = manifest.layers.flatMap((layer, at) => {
    const blob = blobs[at];
    return blob === undefined ? [] : [saidByLayer(layer, blob)];
  });
  return [{ digests: [...subject, ...listed].flatMap(ociSubject) }, ...layers];
}

function saidByLayer({ mediaType, annotations }: Descriptor, blob: Buffer): Said {
  if (layerTypes.bundle.test(mediaType)) return saidByBundle(readBundle(blob));
  const pem = annotations["dev.sigstore.cosign/certificate"];
  const [certificate] = pem === undefined ? [] : pemCertificates(pem);
  const who = certificate === undefined ? {} : { certificate };
  if (mediaType === layerTypes.simpleSigning) return { digests: ociSubject(simpleSigningPayload(blob)), ...who };
  return { ...saidByEnvelope(readEnvelopeIn(blob)), ...who };
}

function ociSubject(digest: string): readonly SubjectDigest[] {
  const found = subjectDigest("sha256", digest.slice("sha256:".length));
  return found === undefined ? [] : [found];
}
