import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { SubjectDigest } from "@provost/shared/provenance/said.ts";

/** Something about which evidence may be found elsewhere. Its text form is its name in the queue. */
export type Wanted =
  | { readonly kind: "package"; readonly ecosystem: "npm" | "pypi"; readonly name: string; readonly version: string }
  | { readonly kind: "digest"; readonly sha256: Sha256 }
  | { readonly kind: "source"; readonly name: string };

/** A document that an upstream had. */
export interface Found {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly subject?: SubjectDigest;
}

/** What one pull may ask of the network. Bounded, guarded, cached: the upstream only says what it wants to read. */
export interface Ask {
  /** Undefined where the address has nothing (404). Throws NotNow. */
  (question: Question): Promise<Answer | undefined>;
  readonly signal: AbortSignal;
}

export interface Question {
  readonly url: string;
  readonly accept?: string;
  readonly authorization?: string;
  readonly maxBytes: number;
  /** Where the answer is the one that was taken in before, there is nothing new: undefined too. */
  readonly onlyIfNew?: boolean;
}

export interface Answer {
  readonly bytes: Buffer;
  /** The value of the answer's Link header. */
  readonly link?: string;
}

/**
 * Where evidence lies that nobody handed in: one folder per kind, one line in the index. What it asks is written as straight code; how
 * it reads an answer is a pure function of the bytes.
 */
export interface Upstream {
  readonly id: string;
  /** After an answer, the same is asked for again after so long. */
  readonly refreshMs: number;
  /** What it is asked about besides what devices have: the owner's repositories, images, folders. */
  readonly sources: readonly Wanted[];
  /** Whether it may know something of this. */
  knows(wanted: Wanted): boolean;
  pull(wanted: Wanted, ask: Ask): AsyncIterable<Found>;
}

/** The upstream cannot answer now, and why. Inside a pull it is thrown; the puller turns it into a later time. */
export class NotNow extends Error {
  override readonly name = "NotNow";
  readonly retryAfterMs: number | undefined;
  /** RFC 9110 11.6.1. */
  readonly challenge: string | undefined;
  /** Waiting will not help: the answer is not what it should be. */
  readonly final: boolean;

  constructor(
    says: string,
    more: { readonly retryAfterMs?: number; readonly challenge?: string; readonly final?: boolean } = {},
  ) {
    super(says);
    this.retryAfterMs = more.retryAfterMs;
    this.challenge = more.challenge;
    this.final = more.final === true;
  }
}

export const malformed = (says: string): NotNow => new NotNow(says, { final: true });

export const nameOf = (wanted: Wanted): string => {
  switch (wanted.kind) {
    case "package":
      return `package ${wanted.ecosystem} ${wanted.name} ${wanted.version}`;
    case "digest":
      return `digest ${wanted.sha256}`;
    case "source":
      return `source ${wanted.name}`;
    default:
      return unreachable(wanted);
  }
};

export function wantedOf(name: string): Wanted | undefined {
  const [kind, first = "", second = "", third] = name.split(" ");
  if (kind === "package" && third !== undefined && (first === "npm" || first === "pypi"))
    return { kind, ecosystem: first, name: second, version: third };
  if (kind === "digest") return { kind, sha256: first as Sha256 };
  return kind === "source" ? { kind, name: name.slice("source ".length) } : undefined;
}

/** What no upstream's answer exceeds. */
export const upstreamLimits = {
  indexBytes: 16 * 2 ** 20,
  documentBytes: 16 * 2 ** 20,
  /** Pages of one list. */
  pages: 20,
  /** Documents of one pull. */
  documents: 500,
} as const;

/** RFC 8288: the address of the next page, which has to be on the same host. */
export function nextPage(link: string | undefined, from: string): string | undefined {
  const target = /<([^>]{1,2000})>\s*;[^,]*\brel="?next"?/.exec(link ?? "")?.[1];
  if (target === undefined) return undefined;
  const url = URL.parse(target, from);
  return url !== null && url.origin === new URL(from).origin ? url.href : undefined;
}
