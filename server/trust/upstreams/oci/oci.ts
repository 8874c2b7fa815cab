import { hash } from "node:crypto";
import * as z from "zod";
import { subjectDigest, type SubjectDigest } from "@provost/shared/provenance/said.ts";
import { readJson } from "../read-json.ts";
import { nextPage, upstreamLimits, type Found, type Upstream } from "../upstream.ts";
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
      const digest = image.digest ?? (await digestOfTag(image.tag, door));
      const subject = digest === undefined ? undefined : subjectDigest("sha256", digest.slice("sha256:".length));
      if (digest !== undefined && subject !== undefined) yield* about(digest, subject, door);
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
async function digestOfTag(tag: string, door: Door): Promise<string | undefined> {
  const answer = await door(`/manifests/${tag}`, manifestTypes);
  return answer === undefined ? undefined : `sha256:${hash("sha256", answer.bytes, "hex")}`;
}

async function* about(digest: string, subject: SubjectDigest, door: Door): AsyncGenerator<Found> {
  let count = 0;
  const referring = await referrers(digest, door);
  for (const { digest: one } of referring)
    for await (const found of layers(`/manifests/${one}`, subject, door)) {
      yield found;
      count += 1;
      if (count >= upstreamLimits.documents) return;
    }
  for (const kind of ["att", "sig"]) yield* layers(`/manifests/${digest.replace(":", "-")}.${kind}`, subject, door);
}

async function referrers(digest: string, door: Door): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  let path: string | undefined = `/referrers/${digest}`;
  for (let page = 0; path !== undefined && page < upstreamLimits.pages; page += 1) {
    const answer = await door(path, "application/vnd.oci.image.index.v1+json");
    // A registry without the API answers 404; then the index lies under a tag (distribution-spec, "Unavailable Referrers API").
    if (answer === undefined) {
      const fallback = page === 0 ? await door(`/manifests/${digest.replace(":", "-")}`, manifestTypes) : undefined;
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

/** Each layer of a referring manifest that is a document; its bytes have to have the digest the manifest names. */
async function* layers(path: string, subject: SubjectDigest, door: Door): AsyncGenerator<Found> {
  const manifest = await door(path, manifestTypes);
  if (manifest === undefined) return;
  for (const layer of readManifest(manifest.bytes)) {
    const answer = await door(`/blobs/${layer.digest}`, "application/octet-stream", upstreamLimits.documentBytes);
    if (answer === undefined || `sha256:${hash("sha256", answer.bytes, "hex")}` !== layer.digest) continue;
    yield { bytes: answer.bytes, name: layer.mediaType, subject };
  }
}

export function readManifest(bytes: Uint8Array): readonly Descriptor[] {
  const found = readJson(Manifest, bytes, "a referring manifest").layers ?? [];
  return found.filter(({ mediaType, size }) => documentType.test(mediaType) && size <= upstreamLimits.documentBytes);
}

/** Sigstore bundles, DSSE envelopes, in-toto statements and SBOMs; not the layers of an image. */
const documentType =
  /^application\/(?:vnd\.dev\.sigstore\.bundle|vnd\.dsse\.envelope|vnd\.in-toto|spdx\+json|vnd\.cyclonedx)/;
