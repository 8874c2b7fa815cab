import type { Instant, Purl, Sha256 } from "../model/ids.ts";
import type { Verdict } from "../model/verdict.ts";
import type { Built } from "./built.ts";

/** What is about to happen, or what was found: everything a decision may depend on. */
export interface Situation {
  readonly verdict: Verdict;
  readonly device: { readonly id: string; readonly groups: readonly string[] };
  readonly file: {
    readonly path: string;
    readonly sha256: Sha256;
    readonly package?: Purl;
    /** "github.com/owner/name" where provenance names it. */
    readonly source?: string;
    readonly builder?: string;
    readonly signer?: string;
    /** How it was built, as evidence that holds says. */
    readonly built?: Built;
    readonly user?: string;
    /** setuid, setgid or file capabilities. */
    readonly privileged: boolean;
    /** A process of it listens beyond loopback. */
    readonly listening: boolean;
  };
  readonly history?: {
    /** When this version was published, by the most trustworthy time known. */
    readonly releasedAt?: Instant;
    readonly seenOnDevices?: number;
    /** The best this package was ever known with, for "no downgrade". */
    readonly bestStanding?: "proven" | "signed" | "unproven";
    readonly bestLevel?: number;
    readonly lastSource?: string;
  };
}
