import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { DocumentKeys } from "@provost/shared/provenance/document-keys.ts";
import type { SubjectDigest } from "@provost/shared/provenance/said.ts";

/** One document as it came. Its bytes are its name: the SHA-256 is computed by whoever calls, over exactly these bytes. */
export interface LibraryDocument {
  readonly bytes: Uint8Array;
  readonly sha256: Sha256;
  readonly mediaType: string;
  /** The name it was found under. Never a reason to believe it. */
  readonly name?: string;
  /** What whoever handed it in said it is about, where the document itself names nothing. */
  readonly named?: SubjectDigest;
}

export interface StoredDocument extends Omit<LibraryDocument, "sha256"> {
  readonly addedAt: Instant;
  /** Who brought it: "token ci", "upstream npm", "import". */
  readonly from: string;
}

export interface Page {
  readonly cursor?: string;
  readonly limit: number;
}

/** One line of a list: what is known of a document without reading it. */
export interface DocumentRow {
  readonly sha256: Sha256;
  readonly kind: string;
  readonly mediaType: string;
  readonly name?: string;
  readonly from: string;
  readonly addedAt: Instant;
  readonly size: number;
}

export interface DocumentPage {
  readonly rows: readonly DocumentRow[];
  readonly next?: string;
}

/** Documents by their digest, found by what they say they are about. What was added once stays as it is. */
export interface LibraryStore {
  /** All of it is durable when it returns, or nothing of it is there. */
  transaction<T>(work: () => T): T;
  /** "known" when these very bytes are there; names they were not yet filed under are added all the same. */
  add(document: LibraryDocument, keys: DocumentKeys, from: string, now: Instant): "added" | "known";
  /** At most `subjectLimit`, the earliest first: whoever floods a subject later hides nothing that was there before. */
  bySubject(digest: SubjectDigest): readonly Sha256[];
  document(sha256: Sha256): StoredDocument | undefined;
  /** The documents of the subject and what they name as their source. */
  sourcesOf(digest: SubjectDigest): readonly { readonly sha256: Sha256; readonly repositories: readonly string[] }[];
  listSubject(digest: SubjectDigest, page: Page): DocumentPage;
  byPurl(value: string, page: Page): DocumentPage;
  byRepository(value: string, page: Page): DocumentPage;
  byCommit(value: string, page: Page): DocumentPage;
  byBuilder(value: string, page: Page): DocumentPage;
  bySigner(value: string, page: Page): DocumentPage;
  byPredicate(value: string, page: Page): DocumentPage;
  all(page: Page): DocumentPage;
  /** For an export: in the order they came, after `after` (0 for the first). The number of the last one is the next `after`. */
  each(
    after: number,
    limit: number,
  ): readonly (DocumentRow & { readonly number: number; readonly named?: SubjectDigest })[];
  count(): number;
}

export const subjectLimit = 257;
/** Documents of one subject that a new one is compared with. */
export const comparedLimit = 64;
