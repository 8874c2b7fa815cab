import type { Instant } from "@provost/shared/model/ids.ts";
import type { AptSource } from "@provost/shared/model/inventory.ts";
import type { EvidenceStore } from "./evidence-store.ts";
import type { Fetch } from "./fetch.ts";
import type { ArchiveRecord, ManifestStore, PackageVersion } from "./manifest-store.ts";
import { debian } from "./sources/index.ts";

export interface Archives {
  /** Verified at most once in `refreshMs` for each archive and set of keys. */
  open(source: AptSource, signal: AbortSignal): Promise<debian.Archive>;
  /** What earlier indices of these archives, signed with keys these sources still trust, have listed. */
  captured(sources: readonly AptSource[], wanted: PackageVersion): Promise<readonly debian.Candidate[]>;
  record(source: AptSource): ArchiveRecord;
}

interface Parts {
  readonly store: ManifestStore;
  readonly evidence: EvidenceStore;
  readonly fetch: Fetch;
  readonly now: () => Instant;
}

const maxOpen = 2000;

export function openArchives(parts: Parts, refreshMs: number): Archives {
  const keyring = debian.openKeyrings();
  const opened = new Map<string, { readonly at: Instant; readonly archive: Promise<debian.Archive> }>();
  return {
    open(source, signal) {
      // Two entries of one suite may differ in components: the Release is one, what is searched in it is not.
      const id = `${debian.trustKeyOf(source)} ${JSON.stringify([source.components, source.architectures])}`;
      const known = opened.get(id);
      if (known !== undefined && parts.now() - known.at < refreshMs) return known.archive;
      const archive = verify(source, parts, keyring, signal);
      opened.delete(id);
      opened.set(id, { at: parts.now(), archive });
      const oldest = opened.keys().next().value;
      if (opened.size > maxOpen && oldest !== undefined) opened.delete(oldest);
      // What could not be verified is asked for again by the next package that needs it, after its own pause.
      void archive
        .then(({ kind }) => kind === "verified" || (opened.get(id)?.archive === archive && opened.delete(id)))
        .catch(() => opened.delete(id));
      return archive;
    },
    captured: (sources, wanted) => capturedFor(sources, wanted, parts.store, keyring),
    record: (source) =>
      parts.store.archive(debian.trustKeyOf(source))?.record ?? {
        ...about(source),
        state: "pending",
        says: "not asked yet",
        signedBy: [],
      },
  };
}

type OpenKeyring = ReturnType<typeof debian.openKeyrings>;

async function verify(
  source: AptSource,
  parts: Parts,
  keyring: OpenKeyring,
  signal: AbortSignal,
): Promise<debian.Archive> {
  const trustKey = debian.trustKeyOf(source);
  const newestSeen = parts.store.archive(trustKey)?.newestSeen;
  const archive = await debian.openArchive(source, { ...parts, keyring }, parts.now(), newestSeen, signal);
  if (!signal.aborted) parts.store.recordArchive(trustKey, recordOf(source, archive), parts.now());
  return archive;
}

const about = ({ uri, suite, components }: AptSource): Pick<ArchiveRecord, "uri" | "suite" | "components"> => ({
  uri,
  suite,
  components,
});

function recordOf(source: AptSource, archive: debian.Archive): ArchiveRecord {
  if (archive.kind !== "verified") {
    const record = { ...about(source), state: archive.kind, says: archive.says, signedBy: [] };
    return archive.kind === "refused" ? { ...record, reason: archive.reason } : record;
  }
  const { release, signers, notes } = archive;
  return {
    ...about(source),
    state: "verified",
    says: [`Signed by ${signers.map(({ name }) => name).join(" and ")}.`, ...notes].join(" "),
    signedBy: signers.map(({ fingerprint, name }) => ({ fingerprint, name })),
    releaseDate: release.date,
    ...(release.validUntil === undefined ? {} : { validUntil: release.validUntil }),
  };
}

async function capturedFor(
  sources: readonly AptSource[],
  wanted: PackageVersion,
  store: ManifestStore,
  keyring: OpenKeyring,
): Promise<readonly debian.Candidate[]> {
  const candidates = new Map<string, debian.Candidate>();
  for (const { uri, suite, signer, archive, size, filename, links } of store.memberships(wanted)) {
    for (const source of sources) {
      if (source.uri !== uri || source.suite !== suite || candidates.has(archive)) continue;
      const { keys } = await keyring(source);
      if (keys.some((key) => key.getFingerprint().toUpperCase() === signer))
        candidates.set(archive, { archive, size, source, filename, links });
    }
  }
  return [...candidates.values()];
}
