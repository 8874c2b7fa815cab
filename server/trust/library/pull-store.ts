import type { Instant } from "@provost/shared/model/ids.ts";

/** What became of one question to one upstream. */
export interface PullSettled {
  readonly state: "found" | "nothing" | "failed";
  readonly says: string;
  readonly attempts: number;
  readonly dueAt: Instant;
}

export interface PullCounts {
  readonly pending: number;
  readonly found: number;
  readonly nothing: number;
  readonly failed: number;
}

/** The questions to upstreams, kept so that a restart goes on where it stopped. `wanted` is what `nameOf` writes. */
export interface PullStore {
  /**
   * New ones are due at once; those that are there stay as they are. At most `maxPulls` for one upstream; what nobody has wanted for
   * `forgetPullMs` is forgotten.
   */
  wantPulls(upstream: string, wanted: readonly string[], now: Instant): void;
  duePulls(
    upstream: string,
    now: Instant,
    limit: number,
  ): readonly { readonly wanted: string; readonly attempts: number }[];
  settlePull(
    upstream: string,
    wanted: string,
    settled: PullSettled,
    etags: readonly (readonly [string, string])[],
  ): void;
  nextPullAt(upstreams: readonly string[]): Instant | undefined;
  pullCounts(upstream: string): PullCounts;
  pullSays(upstream: string, wanted: string): string | undefined;
  /** Versions of a package whose registry has answered, with something or with nothing. */
  answeredVersions(ecosystem: "npm" | "pypi", name: string): readonly string[];
  etagOf(url: string): string | undefined;
}

export const maxPulls = 1_000_000;
/** A device that was away for so long asks for its packages anew. */
export const forgetPullMs = 30 * 86_400_000;
