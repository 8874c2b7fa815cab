import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import type { EvidenceStore } from "../../evidence-store.ts";
import type { Delivery, Fetch, Receive } from "../../fetch.ts";
import type { LocalArchives } from "../../local-archives.ts";
import type { DerivedManifest, PackageVersion } from "../../manifest-store.ts";
import { archiveUrl } from "./archive.ts";
import { type DebContents } from "./deb-contents.ts";
import type { DebLimits } from "./limits.ts";
import type { Candidate } from "./locate.ts";
import { type DebReader, type DebReading, readDeb } from "./read-deb.ts";

export interface DeriveParts {
  readonly fetch: Fetch;
  readonly localArchives: LocalArchives;
  readonly evidence: EvidenceStore;
  readonly limits: DebLimits;
}

export type DerivedDeb =
  | DerivedManifest
  /** Nothing about the bytes: to be tried again. */
  | { readonly state: "unreachable"; readonly says: string }
  | { readonly state: "not-now"; readonly says: string };

/** The manifest of one signed .deb: its bytes come from anywhere, their digest and size from the index alone. */
export async function deriveDeb(
  wanted: PackageVersion,
  candidate: Candidate,
  parts: DeriveParts,
  signal: AbortSignal,
): Promise<DerivedDeb> {
  const local = await readLocal(wanted, candidate, parts, signal);
  // A local file with other bytes is only a useless cache: the archive itself may still keep its word.
  if (local !== undefined && agrees(local, candidate)) return judge(wanted, candidate, local, parts.evidence);
  const url = archiveUrl(candidate.source, candidate.filename);
  if (url === undefined) return { state: "failed", says: `${candidate.source.uri} is not an http or https archive` };
  let reader: DebReader | undefined;
  const open = (): Receive => {
    void reader?.end();
    const fresh = readDeb(parts.limits, signal);
    reader = fresh;
    return (chunk) => fresh.write(chunk);
  };
  const delivery = await parts.fetch.get({ url, maxBytes: candidate.size, signal, open });
  const reading = await reader?.end();
  if (delivery.kind !== "delivered" || reading === undefined) return undelivered(delivery);
  return judge(wanted, candidate, reading, parts.evidence);
}

const agrees = (reading: DebReading, candidate: Candidate): boolean =>
  reading.sha256 === candidate.archive && reading.size === candidate.size;

async function readLocal(
  wanted: PackageVersion,
  candidate: Candidate,
  parts: DeriveParts,
  signal: AbortSignal,
): Promise<DebReading | undefined> {
  let reader: DebReader | undefined;
  const receive: Receive = (chunk) => {
    reader ??= readDeb(parts.limits, signal);
    return reader.write(chunk);
  };
  await parts.localArchives.read(localNames(wanted, candidate), candidate.size, receive, signal);
  return reader?.end();
}

/** As the archive names it, and as apt names it in its own cache: with the epoch, its colon written %3a. */
function localNames({ name, version, arch }: PackageVersion, { filename }: Candidate): readonly string[] {
  const own = filename.slice(filename.lastIndexOf("/") + 1);
  return [...new Set([`${name}_${version.replaceAll(":", "%3a")}_${arch}.deb`, own])];
}

function undelivered(delivery: Delivery): DerivedDeb {
  switch (delivery.kind) {
    case "refused":
      return { state: "failed", says: delivery.says };
    case "absent":
    case "unreachable":
      return { state: "unreachable", says: delivery.says };
    default:
      return { state: "not-now", says: "the transfer brought nothing" };
  }
}

function judge(wanted: PackageVersion, candidate: Candidate, reading: DebReading, evidence: EvidenceStore): DerivedDeb {
  const { contents } = reading;
  if (!agrees(reading, candidate)) return { state: "failed", says: contradiction(candidate, reading) };
  if (contents.kind === "refused") return refusal(contents);
  const { name, version, arch } = contents.contents;
  if (name !== wanted.name || version !== wanted.version || arch !== wanted.arch)
    return { state: "failed", says: `contradicts the index: the package calls itself ${name} ${version} ${arch}` };
  const document = manifestOf(candidate, contents.contents);
  const title = `Manifest of ${name} ${version} ${arch}`;
  const ref = evidence.put(new TextEncoder().encode(document), "application/vnd.provost.deb-manifest+json", title);
  return { state: "derived", says: `${contents.contents.files.length} files`, evidence: ref };
}

const contradiction = (candidate: Candidate, reading: DebReading): string =>
  `contradicts the index: ${candidate.filename} came with SHA-256 ${reading.sha256} and ${reading.size} bytes, signed are ${candidate.archive} and ${candidate.size}`;

function refusal(contents: Extract<DebReading["contents"], { kind: "refused" }>): DerivedDeb {
  switch (contents.cause) {
    case "unsupported":
      return { state: "unsupported", says: contents.why };
    case "damaged":
      return { state: "failed", says: `refused: ${contents.why}` };
    default:
      return { state: "not-now", says: contents.why };
  }
}

/** The manifest document, RFC 8785: its own digest names it, so equal packages give equal documents for ever. */
function manifestOf(candidate: Candidate, contents: DebContents): string {
  return canonicalJson({
    format: "provost/deb-manifest/1",
    archive: { sha256: candidate.archive, size: candidate.size },
    ...contents,
  });
}
