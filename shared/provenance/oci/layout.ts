import { unreadable } from "../refusal.ts";
import { ociDigest } from "./digest.ts";
import { blobsWanted } from "./artifact.ts";
import { indexTypes, manifestTypes, readIndex, readManifest, type Descriptor } from "./manifest.ts";
import { taggedEvidence, type FoundEvidence } from "./referrers.ts";

/**
 * Evidence in an OCI image layout (`cosign save`, `oras copy --to-oci-layout`), given as its files by path. Every manifest below
 * index.json that carries a signature we read becomes one document; which subject each is about the signature says.
 */
export function layoutEvidence(files: ReadonlyMap<string, Uint8Array>, subject: string): FoundEvidence {
  const index = files.get("index.json");
  if (index === undefined) throw unreadable("an OCI image layout has an index.json");
  const at = (digest: string): Uint8Array | undefined => blobAt(files, digest);
  const listed = manifestsBelow(index, at);
  const [manifests, blobs] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()];
  const signatures: Descriptor[] = [];
  let about: Uint8Array | undefined;
  for (const { descriptor, bytes } of listed) {
    const manifest = readManifest(bytes);
    if (descriptor.digest === subject || manifest.layers.some(({ digest }) => digest === subject)) about ??= bytes;
    const wanted = blobsWanted(manifest);
    if (wanted.length === 0) continue;
    signatures.push(descriptor);
    manifests.set(descriptor.digest, bytes);
    for (const { digest } of wanted) {
      const blob = at(digest);
      if (blob !== undefined) blobs.set(digest, blob);
    }
  }
  if (about === undefined) return taggedEvidence(signatures, { subject, manifests, blobs });
  return taggedEvidence(signatures, { subject: ociDigest(about), manifests, blobs, about });
}

/** The bytes under that digest, if they are those bytes. */
function blobAt(files: ReadonlyMap<string, Uint8Array>, digest: string): Uint8Array | undefined {
  const bytes = files.get(`blobs/${digest.replace(":", "/")}`);
  return bytes !== undefined && ociDigest(bytes) === digest ? bytes : undefined;
}

interface Listed {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** image-spec 1.1: an index may list indexes. Each is read once. */
function manifestsBelow(top: Uint8Array, at: (digest: string) => Uint8Array | undefined): readonly Listed[] {
  const found: Listed[] = [];
  const seen = new Set<string>();
  const open = [top];
  for (let index = open.pop(); index !== undefined; index = open.pop())
    for (const descriptor of readIndex(index)) {
      const bytes = seen.has(descriptor.digest) ? undefined : at(descriptor.digest);
      seen.add(descriptor.digest);
      if (seen.size > maxListed) throw unreadable(`the image layout lists more than ${maxListed} manifests`);
      if (bytes === undefined) continue;
      if (indexTypes.has(descriptor.mediaType)) open.push(bytes);
      if (manifestTypes.has(descriptor.mediaType)) found.push({ descriptor, bytes });
    }
  return found;
}

export const maxListed = 1024;
