import { hash } from "node:crypto";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import type { Release, ReleaseFile } from "@provost/shared/ecosystems/deb/release.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { AptSource } from "@provost/shared/model/inventory.ts";
import type { EvidenceRef } from "@provost/shared/model/verdict.ts";
import type { EvidenceStore } from "../../evidence-store.ts";
import type { Delivery, Fetch } from "../../fetch.ts";
import type { Keyring } from "./keyring.ts";
import { indexLimits } from "./limits.ts";
import { type ReleaseRefusal, type SignedRelease, type Signer, verifyRelease } from "./verify-release.ts";

/** What is known about one archive under one device's keys for it. */
export type Archive =
  | VerifiedArchive
  | { readonly kind: "refused"; readonly reason: ReleaseRefusal | "unsupported" | "address"; readonly says: string }
  | { readonly kind: "stale"; readonly says: string; readonly wanted: string }
  | { readonly kind: "unreachable"; readonly says: string };

export interface VerifiedArchive {
  readonly kind: "verified";
  readonly source: AptSource;
  readonly release: Release;
  readonly signers: readonly [Signer, ...Signer[]];
  readonly notes: readonly string[];
  readonly evidence: readonly EvidenceRef[];
}

export interface ArchiveParts {
  readonly fetch: Fetch;
  readonly evidence: EvidenceStore;
  readonly keyring: (source: AptSource) => Promise<Keyring>;
}

/** Names one archive under exactly these keys: what one device's own key vouches for is nobody else's proof. */
export function trustKeyOf(source: AptSource): Sha256 {
  const keyrings = source.keyrings.map(({ base64 }) => hash("sha256", base64)).sort();
  return hash("sha256", canonicalJson([source.uri, source.suite, keyrings, [...source.fingerprints].sort()])) as Sha256;
}

/** InRelease, or Release with Release.gpg where an archive has no InRelease; verified before anything in it is used. */
export async function openArchive(
  source: AptSource,
  parts: ArchiveParts,
  now: Instant,
  newestSeen: Instant | undefined,
  signal: AbortSignal,
): Promise<Archive> {
  const base = releaseFolder(source);
  if (base === undefined)
    return { kind: "refused", reason: "unsupported", says: `${source.uri} is not an http or https archive` };
  const signed = await fetchSigned(base, parts.fetch, signal);
  if ("kind" in signed) return signed;
  const keyring = await parts.keyring(source);
  const verification = await verifyRelease(signed, { keyring, fingerprints: source.fingerprints, now, newestSeen });
  if (verification.kind !== "verified") return verification;
  const evidence = keepEvidence(signed, source, parts.evidence);
  return { ...verification, source, evidence };
}

/** sources.list(5): a suite that ends in "/" is a folder below the URI, everything else lies in dists/. */
function releaseFolder(source: AptSource): URL | undefined {
  const flat = source.suite.endsWith("/");
  if (source.suite.split("/").includes("..")) return undefined;
  const base = archiveUrl(source, "");
  return base === undefined ? undefined : below(base, flat ? source.suite : `dists/${source.suite}/`);
}

/** A path that a signed document names, below the archive's URI. */
export function archiveUrl(source: AptSource, path: string): URL | undefined {
  const base = URL.parse(source.uri.endsWith("/") ? source.uri : `${source.uri}/`);
  if (base === null || (base.protocol !== "http:" && base.protocol !== "https:")) return undefined;
  return below(base, path);
}

/** Segment by segment, so that nothing in a path is read as a query, a host or a climb. */
function below(base: URL, path: string): URL {
  const url = new URL(base);
  const segments = path
    .split("/")
    .filter((segment, at, all) => segment !== "." && (segment !== "" || at === all.length - 1));
  url.pathname += segments
    .map((segment) => encodeURIComponent(segment).replaceAll("%2B", "+").replaceAll("%7E", "~"))
    .join("/");
  return url;
}

type Fetched =
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | Exclude<Delivery, { kind: "delivered" | "unchanged" }>;

async function fetchSigned(
  base: URL,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<SignedRelease | Exclude<Archive, VerifiedArchive>> {
  const inline = await fetchWhole(new URL("InRelease", base), indexLimits.releaseBytes, fetch, signal);
  if (inline.kind === "bytes") return { form: "inline", inRelease: inline.bytes };
  if (inline.kind !== "absent") return unavailable(inline);
  const release = await fetchWhole(new URL("Release", base), indexLimits.releaseBytes, fetch, signal);
  if (release.kind !== "bytes") return unavailable(release);
  const signature = await fetchWhole(new URL("Release.gpg", base), indexLimits.signatureBytes, fetch, signal);
  if (signature.kind !== "bytes") return unavailable(signature);
  return { form: "detached", release: release.bytes, signature: signature.bytes };
}

function unavailable(fetched: Exclude<Fetched, { kind: "bytes" }>): Exclude<Archive, VerifiedArchive> {
  if (fetched.kind === "refused") return { kind: "refused", reason: "address", says: fetched.says };
  return { kind: "unreachable", says: fetched.says };
}

async function fetchWhole(url: URL, maxBytes: number, fetch: Fetch, signal: AbortSignal): Promise<Fetched> {
  let chunks: Buffer[] = [];
  const open = () => {
    chunks = [];
    return (chunk: Buffer): void => void chunks.push(chunk);
  };
  const delivery = await fetch.get({ url, maxBytes, signal, open });
  if (delivery.kind === "delivered") return { kind: "bytes", bytes: Buffer.concat(chunks) };
  return delivery.kind === "unchanged"
    ? { kind: "unreachable", says: `${url.host} answers 304 without being asked` }
    : delivery;
}

function keepEvidence(signed: SignedRelease, source: AptSource, evidence: EvidenceStore): readonly EvidenceRef[] {
  const of = `of ${source.uri} ${source.suite}`;
  if (signed.form === "inline")
    return [evidence.put(signed.inRelease, "application/vnd.debian.inrelease", `InRelease ${of}`)];
  return [
    evidence.put(signed.release, "application/vnd.debian.release", `Release ${of}`),
    evidence.put(signed.signature, "application/pgp-signature", `Release.gpg ${of}`),
  ];
}

export interface ArchiveIndex {
  readonly path: string;
  readonly file: ReleaseFile;
  readonly how: "xz" | "gz" | "none";
  readonly urls: readonly URL[];
}

/** The Packages files that may list a package of `arch`: its own architecture's and, where there is one, that of "all". */
export function indicesFor({ source, release }: VerifiedArchive, arch: string): readonly ArchiveIndex[] {
  if (source.suite.endsWith("/")) return smallest(source, release, "Packages", source.suite);
  const all = release.allApart ? ["all"] : [];
  const architectures = arch === "all" ? [...source.architectures, ...all] : [arch, ...all];
  return source.components.flatMap((component) =>
    [...new Set(architectures)].flatMap((one) =>
      smallest(source, release, `${component}/binary-${one}/Packages`, `dists/${source.suite}/`),
    ),
  );
}

function smallest(source: AptSource, release: Release, path: string, folder: string): readonly ArchiveIndex[] {
  for (const [suffix, how] of [
    [".xz", "xz"],
    [".gz", "gz"],
    ["", "none"],
  ] as const) {
    const file = release.files.get(path + suffix) ?? release.files.get(`./${path}${suffix}`);
    if (file === undefined || file.size > indexLimits.packedIndexBytes) continue;
    const byHash = `${path.slice(0, path.lastIndexOf("/") + 1)}by-hash/SHA256/${file.sha256}`;
    const urls = [...(release.acquireByHash ? [byHash] : []), path + suffix].flatMap(
      (one) => archiveUrl(source, folder + one) ?? [],
    );
    return [{ path: path + suffix, file, how, urls }];
  }
  return [];
}
