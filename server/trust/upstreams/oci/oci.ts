import * as z from "zod";
import { artifactDocument, layerTypes } from "@provost/shared/provenance/oci/artifact.ts";
import { cosignTag, ociDigest, referrersTag } from "@provost/shared/provenance/oci/digest.ts";
import { readManifest } from "@provost/shared/provenance/oci/manifest.ts";
import { guarded } from "@provost/shared/provenance/refusal.ts";
import { subjectDigest, type SubjectDigest } from "@provost/shared/provenance/said.ts";
import { readJson } from "../read-json.ts";
import { malformed, nextPage, NotNow, upstreamLimits, type Found, type Upstream } from "../upstream.ts";
import { openDoor, type Door } from "./token.ts";

/**
 * Images of OCI registries (distribution-spec 1.1): what refers to them by the referrers API, or by its fallback tag where a registry
 * has none, and what cosign kept under `sha256-DIGEST.sig` and `.att` before.
 */
export function ociRegistries(images: readonly string[], scheme: "https" | "http" = "https"): Upstream {
  return {
    id: "oci",
    refreshMs: 6 * 3_600_000,
    sources: images.map((name) => ({ kind: "source", name })),
    knows: (wanted) => wanted.kind === "source" && images.includes(wanted.name),
    async *pull(wanted, ask) {
      const image = wanted.kind === "source" ? readImage(wanted.name) : undefined;
      if (image === undefined) return;
      const door = openDoor(`${scheme}://${image.registry}/v2/${image.repository}`, ask);
      const subject = await manifestOf(image, door);
      if (subject !== undefined) yield* about(subject, door);
    },
  };
}

export interface Image {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  readonly digest?: string;
}

/** "registry.example:5000/team/app:1.2" or "...@sha256:HEX". A registry is always named: no host is assumed. */
export function readImage(text: string): Image | undefined {
  const form =
    /^([a-z0-9.-]+(?::\d{1,5})?)\/([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/;
  const [, registry, repository, tag = "latest", digest] = form.exec(text) ?? [];
  if (registry === undefined || repository === undefined) return undefined;
  return { registry, repository, tag, ...(digest === undefined ? {} : { digest }) };
}

const manifestTypes =
  "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/** The digest is computed over what came: a registry's own header is its word alone. */
async function manifestOf({ tag, digest }: Image, door: Door): Promise<Subject | undefined> {
  const answer = await door(`/manifests/${digest ?? tag}`, manifestTypes);
  const found = answer === undefined ? undefined : ociDigest(answer.bytes);
  if (digest !== undefined && found !== undefined && found !== digest)
    throw malformed(`the registry answered for ${digest} with other bytes`);
  const named = digest ?? found;
  const subject = named === undefined ? undefined : subjectDigest("sha256", named.slice("sha256:".length));
  if (named === undefined || subject === undefined) return undefined;
  const manifest = answer === undefined ? undefined : imageManifest(answer.bytes);
  return { digest: named, subject, ...(manifest === undefined ? {} : { manifest }) };
}

/** An index of several platforms lists no files of its own. */
const imageManifest = (bytes: Buffer): Buffer | undefined =>
  guarded<Buffer | undefined>(
    () => (readManifest(bytes).layers.length > 0 ? bytes : undefined),
    () => undefined,
  );

interface Subject {
  readonly digest: string;
  readonly subject: SubjectDigest;
  /** Its manifest, where the registry gives it: the files that it lists are what the signatures are about, too. */
  readonly manifest?: Buffer;
}

/** One faulty attachment does not hide the others: it is told when all have been looked at. */
async function* about(image: Subject, door: Door): AsyncGenerator<Found> {
  const listed = (await referrers(image.digest, door)).map(({ digest }) => ({ reference: digest, digest }));
  const tagged = (["att", "sig"] as const).map((kind) => ({ reference: cosignTag(image.digest, kind) }));
  let fault: string | undefined;
  for (const place of [...listed, ...tagged])
    try {
      yield* attached(place, image, door);
    } catch (cause) {
      if (!(cause instanceof NotNow) || !cause.final) throw cause;
      fault ??= cause.message;
    }
  if (fault !== undefined) throw malformed(fault);
}

async function referrers(digest: string, door: Door): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  let path: string | undefined = `/referrers/${digest}`;
  for (let page = 0; path !== undefined && page < upstreamLimits.pages; page += 1) {
    const answer = await door(path, "application/vnd.oci.image.index.v1+json");
    // A registry without the API answers 404; then the index lies under a tag (distribution-spec, "Unavailable Referrers API").
    if (answer === undefined) {
      const fallback = page === 0 ? await door(`/manifests/${referrersTag(digest)}`, manifestTypes) : undefined;
      return fallback === undefined ? found : readIndex(fallback.bytes);
    }
    found.push(...readIndex(answer.bytes));
    path = door.pathOf(nextPage(answer.link, door.address(path)));
  }
  return found;
}

export function readIndex(bytes: Uint8Array): readonly Descriptor[] {
  return readJson(Index, bytes, "the registry's list of referrers").manifests;
}

const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const Descriptor = z.object({ digest: Digest, size: z.number(), mediaType: z.string().max(200) });
type Descriptor = z.infer<typeof Descriptor>;
const Index = z.object({ manifests: z.array(Descriptor).max(1000) });
const Manifest = z.object({ layers: z.array(Descriptor).max(200).optional() });

/**
 * The documents of one referring manifest. What says everything itself (bundles, bills) is taken as it is; cosign's signatures and
 * envelopes need their manifest, where certificate and log entry stand, so the two are taken together.
 */
async function* attached(
  { reference, digest }: { readonly reference: string; readonly digest?: string },
  { subject, manifest: about }: Subject,
  door: Door,
): AsyncGenerator<Found> {
  const manifest = await door(`/manifests/${reference}`, manifestTypes);
  if (manifest === undefined) return;
  if (digest !== undefined && ociDigest(manifest.bytes) !== digest)
    throw malformed(`the registry answered for ${digest} with other bytes`);
  const together = new Map<string, Uint8Array>();
  for (const layer of documentLayers(manifest.bytes)) {
    const answer = await door(`/blobs/${layer.digest}`, "application/octet-stream", upstreamLimits.documentBytes);
    if (answer === undefined) throw malformed(`the registry has no blob ${layer.digest}, which ${reference} names`);
    if (ociDigest(answer.bytes) !== layer.digest)
      throw malformed(`the registry answered for ${layer.digest} with other bytes`);
    if (needsManifest(layer)) together.set(layer.digest, answer.bytes);
    else yield { bytes: answer.bytes, name: layer.mediaType, subject };
  }
  if (together.size > 0) yield { ...artifact(manifest.bytes, together, about), subject };
}

export function documentLayers(bytes: Uint8Array): readonly Descriptor[] {
  const found = readJson(Manifest, bytes, "a referring manifest").layers ?? [];
  return found.filter((one) => {
    const isDocument = alone.test(one.mediaType) || needsManifest(one);
    return isDocument && one.size <= upstreamLimits.documentBytes;
  });
}

/** Sigstore bundles, in-toto statements and bills; not the layers of an image. */
const alone = /^application\/(?:vnd\.dev\.sigstore\.bundle|vnd\.in-toto|spdx\+json|vnd\.cyclonedx)/;
const needsManifest = ({ mediaType }: Descriptor): boolean =>
  mediaType === layerTypes.simpleSigning || mediaType === layerTypes.envelope;

function artifact(
  manifest: Uint8Array,
  blobs: ReadonlyMap<string, Uint8Array>,
  about?: Uint8Array,
): Omit<Found, "subject"> {
  const { bytes, name } = guarded(
    () => artifactDocument(manifest, blobs, about),
    ({ message }) => {
      throw malformed(message);
    },
  );
  return { bytes, name: name ?? "OCI artifact" };
}
