import { hash } from "node:crypto";
import { isArchitecture, isPackageName, isVersion } from "@provost/shared/ecosystems/index.ts";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import { type Instant, instant, type Sha256 } from "@provost/shared/model/ids.ts";
import type { AptSource } from "@provost/shared/model/inventory.ts";
import type { PackageProof } from "@provost/shared/provenance/package-proof.ts";
import { openArchives } from "./archives.ts";
import type { EvidenceStore } from "./evidence-store.ts";
import type { Fetch } from "./fetch.ts";
import type { IndexCache } from "./index-cache.ts";
import type { LocalArchives } from "./local-archives.ts";
import type {
  ArchiveRecord,
  DerivedManifest,
  ManifestStore,
  PackageState,
  PackageVersion,
  ProofCounts,
  Settled,
  WantedPackage,
} from "./manifest-store.ts";
import { packageProof } from "./package-proof.ts";
import { debian } from "./sources/index.ts";

export interface DeriveParts {
  readonly store: ManifestStore;
  readonly evidence: EvidenceStore;
  readonly fetch: Fetch;
  readonly indexCache: IndexCache;
  readonly localArchives: LocalArchives;
  readonly now: () => Instant;
  readonly random: () => number;
  /** Told after a package version's answer is stored, whatever the answer is. */
  readonly settled?: (config: ConfigId, version: PackageVersion) => void;
}

export interface DeriveOptions {
  readonly parallelism: number;
  readonly limits: debian.DebLimits;
  /** How long a verified Release is used before it is asked for again. */
  readonly refreshMs: number;
  readonly retryMs: number;
  readonly maxRetryMs: number;
  readonly maxPackages: number;
  readonly maxSources: number;
}

export const deriveDefaults: DeriveOptions = {
  parallelism: 2,
  limits: debian.debLimits,
  refreshMs: 60 * 60_000,
  retryMs: 5 * 60_000,
  maxRetryMs: 24 * 60 * 60_000,
  maxPackages: 100_000,
  maxSources: 200,
};

/** A name for one device's whole set of sources and keys; devices configured alike share it. */
export type ConfigId = Sha256;

export interface Derivation {
  /** Remembers what one device needs. Asking again only changes priorities, at once, also while it runs. */
  want(sources: readonly AptSource[], packages: readonly WantedPackage[]): ConfigId;
  /** Works until nothing is due. Stopping it loses at most the packages in hand; the next run takes them up again. */
  run(signal: AbortSignal): Promise<void>;
  nextDueAt(): Instant | undefined;
  /** Undefined while it is pending or was never wanted. */
  proof(config: ConfigId, wanted: PackageVersion): PackageProof | undefined;
  counts(config: ConfigId): ProofCounts;
  archives(config: ConfigId): readonly ArchiveRecord[];
}

/** Derives signed manifests once per package version for the whole fleet. */
export function deriveManifests(parts: DeriveParts, overrides: Partial<DeriveOptions> = {}): Derivation {
  const options = { ...deriveDefaults, ...overrides };
  const { store } = parts;
  const locate = debian.openLocate(parts);
  const archives = openArchives(parts, options.refreshMs);
  const inHand = new Set<number>();
  const manifests = new Map<Sha256, Promise<debian.DerivedDeb>>();

  return {
    want: (sources, packages) => wantPackages(store, options, sources, packages, parts.now()),
    async run(signal) {
      const workers = Array.from({ length: options.parallelism }, () => work(signal));
      await Promise.all(workers);
    },
    nextDueAt: () => store.nextDueAt(),
    proof: (config, wanted) => packageProof(store.state(config, wanted), parts),
    counts: (config) => store.counts(config),
    archives: (config) => store.sources(config).map((source) => archives.record(source)),
  };

  async function work(signal: AbortSignal): Promise<void> {
    for (let next = take(); next !== undefined && !signal.aborted; next = take()) {
      inHand.add(next.id);
      try {
        const settled = await settle(next, signal);
        // What was broken off by a stop says nothing about the package.
        if (!signal.aborted) {
          store.settle(next.id, settled, parts.now());
          // What was tried again and came out as before is no news: every device would be told, and would write it down.
          if (isNews(next, settled))
            parts.settled?.(next.config, { name: next.name, version: next.version, arch: next.arch });
        }
      } finally {
        inHand.delete(next.id);
      }
    }
  }

  /** Asked anew for every package, so that a changed priority counts from the next one on. */
  function take(): PackageState | undefined {
    return store.due(parts.now(), inHand.size + 1).find(({ id }) => !inHand.has(id));
  }

  async function settle(state: PackageState, signal: AbortSignal): Promise<Settled> {
    try {
      return await settlePackage(state, signal);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return again(
        state,
        "failed",
        `the server could not finish it: ${safeText(text).slice(0, 500)}`,
        "the server's own log",
      );
    }
  }

  async function settlePackage(state: PackageState, signal: AbortSignal): Promise<Settled> {
    if (!isPackageName(state.name) || !isVersion(state.version) || !isArchitecture(state.arch))
      return final(
        state,
        "unsupported",
        "not a name, version and architecture that Debian packages have",
        "a readable package database on the device",
      );
    const sources = store.sources(state.config);
    const captured = await archives.captured(sources, state);
    const [first, ...more] = captured;
    const located: debian.Located =
      first === undefined
        ? await search(state, sources, signal)
        : { kind: "found", candidates: [first, ...more], notes: [] };
    if (located.kind === "unsupported") return final(state, located.kind, located.says, located.wanted);
    if (located.kind !== "found") return again(state, located.kind, located.says, located.wanted);
    return settleCandidates(state, located, signal);
  }

  async function search(
    state: PackageState,
    sources: readonly AptSource[],
    signal: AbortSignal,
  ): Promise<debian.Located> {
    const opened = await Promise.all(sources.map((source) => archives.open(source, signal)));
    return locate(state, new Set(store.pendingNames(state.config)), opened, signal);
  }

  async function settleCandidates(
    state: PackageState,
    located: Extract<debian.Located, { kind: "found" }>,
    signal: AbortSignal,
  ): Promise<Settled> {
    const builds: { archive: Sha256; links: debian.Candidate["links"] }[] = [];
    const failures: Exclude<debian.DerivedDeb, { state: "derived" }>[] = [];
    for (const candidate of located.candidates) {
      const manifest = await derived(state, candidate, signal);
      if (manifest.state === "derived") builds.push({ archive: candidate.archive, links: candidate.links });
      else failures.push(manifest);
    }
    if (builds.length > 0) {
      const says = [saysBuilds(state, builds.length), ...failures.map((failure) => failure.says)].join(" ");
      return { state: "derived", says, wanted: "", builds, attempts: state.attempts };
    }
    const [failure] = failures;
    if (failure?.state === "unsupported")
      return final(state, "unsupported", failure.says, "a package in a form that Provost reads");
    const kind = failure?.state === "unreachable" ? "unreachable" : "failed";
    return again(state, kind, failures.map(({ says }) => says).join("; "), "the package as its archive signed it");
  }

  /** Two devices that want one package at the same moment share the work as well as the result. */
  function derived(state: PackageState, candidate: debian.Candidate, signal: AbortSignal): Promise<debian.DerivedDeb> {
    const known = store.manifest(candidate.archive);
    if (known?.state === "derived") return Promise.resolve(known);
    const running = manifests.get(candidate.archive);
    if (running !== undefined) return running;
    const work = deriveOnce(state, candidate, signal).finally(() => manifests.delete(candidate.archive));
    manifests.set(candidate.archive, work);
    return work;
  }

  async function deriveOnce(
    state: PackageState,
    candidate: debian.Candidate,
    signal: AbortSignal,
  ): Promise<debian.DerivedDeb> {
    const manifest = await debian.deriveDeb(state, candidate, { ...parts, limits: options.limits }, signal);
    if (!signal.aborted && isKept(manifest)) store.recordManifest(candidate.archive, manifest, parts.now());
    return manifest;
  }

  function again(state: PackageState, kind: Settled["state"], says: string, wanted: string): Settled {
    const attempts = state.attempts + 1;
    const wait =
      Math.min(options.maxRetryMs, options.retryMs * 2 ** Math.min(attempts, 20)) * (0.5 + parts.random() / 2);
    return { state: kind, says, wanted, builds: [], attempts, dueAt: instant(Math.round(parts.now() + wait)) };
  }
}

const isKept = (manifest: debian.DerivedDeb): manifest is DerivedManifest =>
  manifest.state !== "unreachable" && manifest.state !== "not-now";

const isNews = (before: PackageState, now: Settled): boolean =>
  before.state !== now.state ||
  before.says !== now.says ||
  before.wanted !== now.wanted ||
  canonicalJson(before.builds) !== canonicalJson(now.builds);

const final = (state: PackageState, kind: Settled["state"], says: string, wanted: string): Settled => ({
  state: kind,
  says,
  wanted,
  builds: [],
  attempts: state.attempts + 1,
});

function saysBuilds({ name, version, arch }: PackageState, count: number): string {
  const what = `${name} ${version} ${arch}`;
  return count === 1
    ? `A signed index lists ${what}, and its files are known.`
    : `Signed indices list ${count} different builds of ${what}; the files tell which one is installed.`;
}

function wantPackages(
  store: ManifestStore,
  options: DeriveOptions,
  sources: readonly AptSource[],
  packages: readonly WantedPackage[],
  now: Instant,
): ConfigId {
  const kept = sources.slice(0, options.maxSources);
  const config = hash("sha256", canonicalJson(kept)) as ConfigId;
  store.configure(config, kept);
  store.want(config, packages.slice(0, options.maxPackages), now);
  return config;
}
