import { artifactDocument, blobsWanted, layerTypes } from "@provost/shared/provenance/oci/artifact.ts";
import { readManifest, type Manifest } from "@provost/shared/provenance/oci/manifest.ts";
import type { Evidence } from "@provost/shared/provenance/format.ts";
import { guarded } from "@provost/shared/provenance/refusal.ts";
import { upstreamLimits } from "../upstream.ts";
import type { Door } from "./token.ts";

/**
 * Where half of a signature stands in the manifest (cosign's ".sig" and ".att": certificate, log entry, the signature itself), manifest
 * and blobs are one document. Undefined where the layers are documents by themselves, or where a blob did not come as it is named.
 */
export async function signedLayers(bytes: Uint8Array, door: Door): Promise<Evidence | undefined> {
  const manifest = guarded<Manifest | undefined>(
    () => readManifest(bytes),
    () => undefined,
  );
  if (manifest === undefined || !manifest.layers.some(isHalf)) return undefined;
  const blobs = new Map<string, Uint8Array>();
  for (const { digest } of blobsWanted(manifest)) {
    const answer = await door(`/blobs/${digest}`, "application/octet-stream", upstreamLimits.documentBytes);
    if (answer !== undefined) blobs.set(digest, answer.bytes);
  }
  return guarded<Evidence | undefined>(
    () => artifactDocument(bytes, blobs),
    () => undefined,
  );
}

function isHalf({ mediaType, annotations }: Manifest["layers"][number]): boolean {
  if (mediaType === layerTypes.simpleSigning) return true;
  const material = ["dev.sigstore.cosign/certificate", "dev.sigstore.cosign/bundle"];
  return mediaType === layerTypes.envelope && material.some((name) => annotations[name] !== undefined);
}
