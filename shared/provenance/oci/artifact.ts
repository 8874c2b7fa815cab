import { hash } from "node:crypto";
import * as z from "zod";
import { base64Bytes } from "../../lib/strict-base64.ts";
import { parseStrictJson } from "../../lib/strict-json.ts";
import { sha256 } from "../../model/ids.ts";
import type { Evidence } from "../format.ts";
import { unreadable, unsupported } from "../refusal.ts";
import { ociDigest } from "./digest.ts";
import { readManifest, type Descriptor, type Manifest } from "./manifest.ts";

/**
 * One manifest with its blobs as one document, so that what a registry keeps apart can be stored, exported and judged as evidence.
 * Every digest in it is computed again when it is read: the manifest's, and of each blob the digest and length its manifest states.
 */
export interface Artifact {
  readonly digest: string;
  readonly manifest: Manifest;
  /** The blob of each layer, in the manifest's order; undefined for a layer of a kind that is not read. */
  readonly blobs: readonly (Buffer | undefined)[];
  /** The manifest that the signatures are about, where the question is about a file that it lists. */
  readonly about: { readonly digest: string; readonly manifest: Manifest; readonly bytes: Buffer } | undefined;
}

export const artifactType = "application/vnd.provost.oci-artifact.v1+json";

/** The kinds of layers that carry a signature we read. */
export const layerTypes = {
  simpleSigning: "application/vnd.dev.cosign.simplesigning.v1+json",
  envelope: "application/vnd.dsse.envelope.v1+json",
  bundle: /^application\/vnd\.dev\.sigstore\.bundle(?:\+json;version=0\.[123]|\.v0\.3\+json)$/,
} as const;

/** What a registry has to be asked for beside the manifest. */
export function blobsWanted(manifest: Manifest): readonly Descriptor[] {
  return manifest.layers.filter(({ mediaType }) => isReadLayer(mediaType));
}

export function isReadLayer(mediaType: string): boolean {
  return (
    mediaType === layerTypes.simpleSigning || mediaType === layerTypes.envelope || layerTypes.bundle.test(mediaType)
  );
}

/** The document from its parts. Throws a Refusal where a blob is missing, of other bytes, or too much in all. */
export function artifactDocument(
  manifest: Uint8Array,
  blobs: ReadonlyMap<string, Uint8Array>,
  about?: Uint8Array,
): Evidence {
  const wanted = blobsWanted(readManifest(manifest));
  if (wanted.length === 0) throw unsupported("the manifest carries no signature of a kind that is read");
  const carried = new Map<string, string>();
  let total = manifest.length + (about?.length ?? 0);
  for (const one of wanted) {
    const bytes = blobs.get(one.digest);
    if (bytes === undefined) throw unreadable(`the blob ${one.digest} is missing`);
    requireBlob(one, bytes);
    total += bytes.length;
    carried.set(one.digest, Buffer.from(bytes).toString("base64"));
  }
  if (total > maxArtifactBytes) throw unreadable(`manifest and blobs are larger than ${maxArtifactBytes} bytes`);
  const bytes = Buffer.from(
    JSON.stringify({
      mediaType: artifactType,
      digest: ociDigest(manifest),
      manifest: Buffer.from(manifest).toString("base64"),
      blobs: Object.fromEntries(carried),
      ...(about === undefined ? {} : { about: Buffer.from(about).toString("base64") }),
    }),
  );
  const digest = sha256(hash("sha256", bytes, "hex"));
  if (digest === undefined) throw unreadable("the document has no digest");
  return { bytes, sha256: digest, name: `${ociDigest(manifest).replace(":", "-")}.oci.json` };
}

/** In base64 it stays below what one JSON document may have. */
export const maxArtifactBytes = 11 * 1024 * 1024;

export function readArtifact(bytes: Uint8Array): Artifact {
  const json = parseStrictJson(bytes);
  if (!json.ok) throw unreadable(`the OCI artifact is not read: ${json.why}`);
  const parsed = Document.safeParse(json.value);
  if (!parsed.success) throw unreadable("the OCI artifact is malformed");
  const { digest, blobs, about } = parsed.data;
  const manifestBytes = decoded(parsed.data.manifest);
  if (ociDigest(manifestBytes) !== digest) throw unreadable("the manifest is not the one its digest names");
  const manifest = readManifest(manifestBytes);
  const carried = new Map(Object.entries(blobs).map(([name, text]) => [name, decoded(text)]));
  const wanted = blobsWanted(manifest);
  if (wanted.length === 0) throw unsupported("the manifest carries no signature of a kind that is read");
  if ([...carried.keys()].some((name) => !wanted.some((one) => one.digest === name)))
    throw unreadable("the OCI artifact carries a blob that its manifest does not ask for");
  return {
    digest,
    manifest,
    blobs: manifest.layers.map((layer) => (isReadLayer(layer.mediaType) ? blobOf(layer, carried) : undefined)),
    about: about === undefined ? undefined : aboutOf(decoded(about)),
  };
}

const text = z.string().max(16 * 1024 * 1024);
const Document = z.strictObject({
  mediaType: z.literal(artifactType),
  digest: z.string().max(80),
  manifest: text,
  blobs: z.record(z.string().max(80), text),
  about: text.optional(),
});

function blobOf(layer: Descriptor, carried: ReadonlyMap<string, Buffer>): Buffer {
  const bytes = carried.get(layer.digest);
  if (bytes === undefined) throw unreadable(`the blob ${layer.digest} is missing`);
  requireBlob(layer, bytes);
  return bytes;
}

function requireBlob({ digest, size }: Descriptor, bytes: Uint8Array): void {
  if (bytes.length !== size || ociDigest(bytes) !== digest)
    throw unreadable(`the blob ${digest} is not the one its manifest names`);
}

const aboutOf = (bytes: Buffer): NonNullable<Artifact["about"]> => ({
  digest: ociDigest(bytes),
  manifest: readManifest(bytes),
  bytes,
});

function decoded(encoded: string): Buffer {
  const bytes = base64Bytes(encoded);
  if (bytes === undefined) throw unreadable("the OCI artifact holds malformed base64");
  return bytes;
}
