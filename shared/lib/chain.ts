import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";

/**
 * A chain of entries: each one's hash is over the hash before it and its own canonical JSON, so that nothing can be changed, left out
 * or put in between without every later hash being another. Pure.
 */
export interface Entry {
  readonly sequence: number;
  readonly at: number;
  readonly kind: string;
  readonly by: string;
  readonly says: string;
  readonly facts: Readonly<Record<string, string>>;
}
export interface ChainedEntry extends Entry {
  readonly hash: string;
}

/** Before the first entry. */
export const chainStart = "0".repeat(64);

export function hashOf(previous: string, { sequence, at, kind, by, says, facts }: Entry): string {
  return createHash("sha256")
    .update(`${previous}\n${canonicalJson({ sequence, at, kind, by, says, facts })}`)
    .digest("hex");
}

/** The entry bound to the one before. Its text is what a file or a database can hold: half a surrogate pair would come back as another letter. */
export function bind(previous: string, { by, says, facts, ...entry }: Entry): ChainedEntry {
  const held: Entry = {
    ...entry,
    by: by.toWellFormed(),
    says: says.toWellFormed(),
    facts: Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, fact.toWellFormed()])),
  };
  return { ...held, hash: hashOf(previous, held) };
}

export type ChainReading =
  | { readonly ok: true; readonly count: number; readonly last: string }
  | { readonly ok: false; readonly sequence: number; readonly why: string };

/** `from`: the hash before the first entry, where the chain does not begin with it. */
export function verifyChain(entries: Iterable<ChainedEntry>, from: string = chainStart): ChainReading {
  const chain = readChain(from);
  for (const entry of entries) {
    const why = chain.next(entry);
    if (why !== undefined) return { ok: false, sequence: entry.sequence, why };
  }
  return { ok: true, count: chain.count, last: chain.last };
}

export interface ChainReader {
  readonly count: number;
  /** The hash of the last entry that followed. */
  readonly last: string;
  /** Undefined: it follows. Else why not, and nothing is taken. */
  next(entry: ChainedEntry): string | undefined;
}

/** The same, an entry at a time. `first`: the sequence it has to begin with, where that is known. */
export function readChain(from: string, first?: number): ChainReader {
  let last = from;
  let count = 0;
  let expected = first;
  return {
    get last() {
      return last;
    },
    get count() {
      return count;
    },
    next(entry) {
      if (expected !== undefined && entry.sequence !== expected)
        return entry.sequence > expected
          ? `entry ${expected} is missing before it`
          : `entry ${expected} belongs in its place`;
      if (hashOf(last, entry) !== entry.hash) return "its hash does not follow from its words and the entry before it";
      last = entry.hash;
      expected = entry.sequence + 1;
      count += 1;
      return undefined;
    },
  };
}
