import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { archiveSubject } from "@provost/shared/provenance/archive-subject.ts";
import type { DocumentPage, DocumentRow, LibraryStore } from "../../trust/library/library-store.ts";

type Document = Answer<"executable">["documents"][number];

/** More are at the library's own address, GET /api/v1/documents. */
const shownDocuments = 50;

/**
 * What the library holds about one file: documents that name its bytes, its archive's, or its package. They say what they say; which of
 * them the verdict rests on stands in the chain.
 */
export function documentsAbout(facts: FileFacts, library: LibraryStore): Document[] {
  const page = { limit: shownDocuments };
  const found = new Map<string, Document>();
  const add = (about: Document["about"], { rows }: DocumentPage): void => {
    for (const row of rows)
      if (!found.has(row.sha256) && found.size < shownDocuments) found.set(row.sha256, shown(row, about));
  };
  if (facts.digest !== undefined) add("file", library.listSubject({ algorithm: "sha256", hex: facts.digest }, page));
  for (const record of facts.records) {
    const archive = archiveSubject(record);
    if (archive === undefined) continue;
    add("archive", library.listSubject({ algorithm: "sha256", hex: archive.sha256 }, page));
    if (archive.sha512 !== undefined)
      add("archive", library.listSubject({ algorithm: "sha512", hex: archive.sha512 }, page));
  }
  for (const purl of new Set(facts.records.map((record) => record.purl))) add("package", library.byPurl(purl, page));
  return [...found.values()];
}

const shown = (
  { sha256, kind, mediaType, name, from, addedAt, size }: DocumentRow,
  about: Document["about"],
): Document => ({
  sha256,
  kind,
  mediaType,
  ...(name === undefined ? {} : { name }),
  about,
  from,
  addedAt,
  size,
});
