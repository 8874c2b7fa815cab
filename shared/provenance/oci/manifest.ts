import * as z from "zod";
import { parseStrictJson } from "../../lib/strict-json.ts";
import { unreadable } from "../refusal.ts";

/** OCI image-spec 1.1, "Descriptor": what bytes there are, of which type, by their digest and length. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly artifactType: string | undefined;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** The manifest that this one is about. */
  readonly subject: Descriptor | undefined;
}

/** Unknown members are allowed, as the specification demands; the same member twice is not. */
export function readManifest(bytes: Uint8Array): Manifest {
  const parsed = ManifestDocument.safeParse(json(bytes, "manifest"));
  if (!parsed.success) throw unreadable("it is no OCI image manifest");
  const { artifactType, config, layers, subject } = parsed.data;
  return {
    // image-spec 1.1, "artifactType": without it the config's media type says what it is.
    artifactType: artifactType ?? config.mediaType,
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
    subject: subject === undefined ? undefined : descriptorOf(subject),
  };
}

/** An image index: what a referrers API answers, what lies under its fallback tag, or the index.json of an image layout. */
export function readIndex(bytes: Uint8Array): readonly Descriptor[] {
  const parsed = IndexDocument.safeParse(json(bytes, "index"));
  if (!parsed.success) throw unreadable("it is no OCI image index, or it lists too much");
  return parsed.data.manifests.map(descriptorOf);
}

/** distribution-spec 1.1, "Pushing Manifests": registries take manifests up to four megabytes. */
export const maxManifestBytes = 4 * 1024 * 1024;
export const maxReferrers = 1024;
export const maxLayers = 64;

function json(bytes: Uint8Array, what: string): unknown {
  const read = parseStrictJson(bytes, { bytes: maxManifestBytes, depth: 16 });
  if (!read.ok) throw unreadable(`the ${what} is not read: ${read.why}`);
  return read.value;
}

export const manifestTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);
export const indexTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);

const text = z.string().max(1024);
/** Annotations hold certificates, log entries and timestamps. */
const annotations = z.record(text, z.string().max(512 * 1024)).nullish();
const DescriptorDocument = z.object({
  mediaType: text,
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size: z.int().nonnegative(),
  artifactType: text.nullish(),
  annotations,
});
const ManifestDocument = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.literal([...manifestTypes]).optional(),
  artifactType: text.min(1).optional(),
  config: DescriptorDocument,
  layers: z.array(DescriptorDocument).max(maxLayers),
  subject: DescriptorDocument.optional(),
});
const IndexDocument = z
  .object({
    schemaVersion: z.literal(2),
    mediaType: z.literal([...indexTypes]).optional(),
    manifests: z.array(DescriptorDocument).max(maxReferrers).nullable(),
  })
  .transform(({ manifests }) => ({ manifests: manifests ?? [] }));

const descriptorOf = (one: z.infer<typeof DescriptorDocument>): Descriptor => ({
  mediaType: one.mediaType,
  digest: one.digest,
  size: one.size,
  annotations: one.annotations ?? {},
  ...(one.artifactType === null || one.artifactType === undefined ? {} : { artifactType: one.artifactType }),
});
