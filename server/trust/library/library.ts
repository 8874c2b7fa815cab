import { hash } from "node:crypto";
import { safeText } from "@provost/shared/lib/path-text.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import { documentKeys, type DocumentKeys } from "@provost/shared/provenance/document-keys.ts";
import type { SubjectDigest } from "@provost/shared/provenance/said.ts";
import { libraryLimits } from "./limits.ts";
import type { LibraryStore } from "./library-store.ts";

/** Bytes that somebody says are a document. */
export interface Incoming {
  readonly bytes: Uint8Array;
  readonly name?: string;
  readonly subject?: SubjectDigest;
}

/**
 * What became of one document. `contradictory` is kept like `added`: it names another source for a subject than a document that
 * was there, and which of the two is right is for signatures and the owner's trust to say, not for the order of arrival.
 */
export type Outcome =
  | { readonly outcome: "added" | "known"; readonly sha256: Sha256; readonly kind: string; readonly subjects: number }
  | {
      readonly outcome: "contradictory";
      readonly sha256: Sha256;
      readonly kind: string;
      readonly subjects: number;
      readonly why: string;
      readonly contradicts: readonly Sha256[];
    }
  | {
      readonly outcome: "refused";
      readonly code: "DOCUMENT_REFUSED" | "LIMIT" | "NOT_ALLOWED";
      readonly why: string;
      readonly sha256?: Sha256;
    };

/** Why whoever hands a document in may not do so with this one. */
export type MayAdd = (keys: DocumentKeys) => string | undefined;

export interface Library {
  /** All outcomes are durable when it returns; it throws when nothing was stored. Listeners are told afterwards. */
  take(documents: readonly Incoming[], from: string, now: Instant, mayAdd?: MayAdd): readonly Outcome[];
  /** Told of every subject that a new document names, or that a known one is newly filed under. Returns how to stop. */
  onAdded(listener: (subjects: readonly SubjectDigest[]) => void): () => void;
}

export function openLibraryOver(store: LibraryStore, failed: (why: string) => void): Library {
  const listeners = new Set<(subjects: readonly SubjectDigest[]) => void>();
  const tell = (subjects: readonly SubjectDigest[]): void => {
    for (const listener of listeners)
      try {
        listener(subjects);
      } catch (cause) {
        // What is stored is stored: a listener that fails must not make it look otherwise.
        failed(`a listener of the library failed: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
  };
  return {
    take(documents, from, now, mayAdd = () => undefined) {
      const touched = new Map<string, SubjectDigest>();
      const outcomes = store.transaction(() =>
        documents.map((document) => takeOne(store, document, from, now, mayAdd, touched)),
      );
      if (touched.size > 0) tell([...touched.values()]);
      return outcomes;
    },
    onAdded(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function takeOne(
  store: LibraryStore,
  incoming: Incoming,
  from: string,
  now: Instant,
  mayAdd: MayAdd,
  touched: Map<string, SubjectDigest>,
): Outcome {
  const { bytes, subject } = incoming;
  const name = incoming.name === undefined ? undefined : plainName(incoming.name);
  if (bytes.length > libraryLimits.documentBytes)
    return refused("LIMIT", `the document is larger than ${libraryLimits.documentBytes} bytes`);
  const sha256 = hash("sha256", bytes, "hex") as Sha256;
  const evidence = { bytes, sha256, ...(name === undefined ? {} : { name }) };
  const read = documentKeys(evidence, subject);
  if (read.kind === "refused") return refused("DOCUMENT_REFUSED", safeText(read.why).slice(0, 500), sha256);
  const { keys } = read;
  const not = mayAdd(keys);
  if (not !== undefined) return refused("NOT_ALLOWED", not, sha256);
  const others = contradicted(store, sha256, keys);
  const named = subject === undefined ? {} : { named: subject };
  const added = store.add({ ...evidence, mediaType: mediaTypeOf(bytes), ...named }, keys, from, now);
  for (const digest of keys.subjects) touched.set(digest.hex, digest);
  const filed = { sha256, kind: keys.kind, subjects: keys.subjects.length };
  const [first] = others;
  if (added === "known" || first === undefined) return { outcome: added, ...filed };
  const why = `it names ${keys.repositories[0] ?? "another source"} as the source of a subject of which an earlier document says ${first.repositories[0] ?? "another"}; both are kept`;
  return {
    outcome: "contradictory",
    ...filed,
    why: safeText(why).slice(0, 1000),
    contradicts: others.map((one) => one.sha256),
  };
}

const refused = (code: "DOCUMENT_REFUSED" | "LIMIT" | "NOT_ALLOWED", why: string, sha256?: Sha256): Outcome => ({
  outcome: "refused",
  code,
  why,
  ...(sha256 === undefined ? {} : { sha256 }),
});

/** For a person to recognise it by: nothing in it moves a cursor or hides. The same name again is the same. */
const plainName = (name: string): string => name.slice(0, libraryLimits.nameLength).replace(/\p{C}/gu, "?");

/** By the bytes alone: what a sender calls them only misleads. */
function mediaTypeOf(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 64)).toString("latin1").trimStart();
  if (start.startsWith("{") || start.startsWith("[")) return "application/json";
  return /^(?:-----BEGIN |untrusted comment: )/.test(start) ? "text/plain" : "application/octet-stream";
}

/** Two documents contradict each other when both name a source of one subject and no source is named by both. */
function contradicted(
  store: LibraryStore,
  own: Sha256,
  { subjects, repositories }: DocumentKeys,
): ReturnType<LibraryStore["sourcesOf"]> {
  if (repositories.length === 0) return [];
  const found = new Map<Sha256, ReturnType<LibraryStore["sourcesOf"]>[number]>();
  for (const subject of subjects.slice(0, libraryLimits.subjectsCompared))
    for (const other of store.sourcesOf(subject))
      if (other.sha256 !== own && !other.repositories.some((one) => repositories.includes(one)))
        found.set(other.sha256, other);
  return [...found.values()];
}
