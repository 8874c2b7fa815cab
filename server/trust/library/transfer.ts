import { createHash, hash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { boundedJson } from "@provost/shared/lib/bounded-json.ts";
import { base64Bytes } from "@provost/shared/lib/strict-base64.ts";
import type { Instant } from "@provost/shared/model/ids.ts";
import { subjectDigest, type SubjectDigest } from "@provost/shared/provenance/said.ts";
import { ExportEnd, ExportHeader, ExportLine } from "@provost/shared/protocol/library-api.ts";
import type { Incoming } from "./library.ts";
import type { LibraryStore } from "./library-store.ts";
import { libraryLimits } from "./limits.ts";
import { streamLines } from "./read-lines.ts";
import { capped, openBatch, openTally, type Limits, type Received, type Receiving } from "./receive.ts";

/** "sha256:..." as an address or an export says it. */
export function subjectOfText(text: string): SubjectDigest | undefined {
  const [, algorithm = "sha256", hex = ""] = /^(?:(sha256|sha512):)?([0-9a-f]+)$/.exec(text) ?? [];
  return subjectDigest(algorithm, hex);
}

const subjectText = ({ algorithm, hex }: SubjectDigest): string => `${algorithm}:${hex}`;

/** The whole library as it stood when it began: a header, a line for each document, a closing line with a digest over all. */
export async function* exportLines(store: LibraryStore, now: Instant): AsyncGenerator<string> {
  const documents = store.count();
  yield line({ library: "provost", form: 1, documents, at: now });
  const digest = createHash("sha256");
  let told = 0;
  for (let after = 0; told < documents;) {
    const rows = store.each(after, Math.min(exportStep, documents - told));
    const last = rows.at(-1);
    if (last === undefined) break;
    for (const row of rows) {
      const { sha256, mediaType, name, named, from, addedAt } = row;
      const held = store.document(sha256);
      if (held === undefined) throw new AppError("STATE_UNUSABLE", `the document ${sha256} is listed and not there`);
      const base64 = Buffer.from(held.bytes).toString("base64");
      const subject = named === undefined ? {} : { subject: subjectText(named) };
      yield line({ sha256, mediaType, ...(name === undefined ? {} : { name }), ...subject, from, addedAt, base64 });
      digest.update(`${sha256}\n`);
      told += 1;
    }
    after = last.number;
    await setImmediate();
  }
  yield line({ end: true, documents: told, digest: digest.digest("hex") });
}

const exportStep = 64;
const line = (value: object): string => `${JSON.stringify(value)}\n`;

export interface ImportResult extends Received {
  readonly complete: boolean;
  readonly says: string;
}

/** Every document's digest is computed anew; nothing of what the export says about a document is taken over but names. */
export async function importLines(
  body: AsyncIterable<Buffer>,
  { library, now, from, mayAdd }: Receiving,
  limits: Limits = libraryLimits,
): Promise<ImportResult> {
  const tally = openTally(limits);
  const batch = openBatch<Incoming>(limits, (documents) => tally.note(library.take(documents, from, now(), mayAdd)));
  const digest = createHash("sha256");
  let seen = 0;
  let end: { documents: number; digest: string } | undefined;
  let begun = false;
  for await (const part of streamLines(capped(body, limits.importBytes * exportGrowth), limits.documentBytes * 2)) {
    if (end !== undefined) throw new AppError("DOCUMENT_REFUSED", "the export goes on after its closing line");
    const value = part.kind === "line" ? boundedJson(part.bytes, 4) : undefined;
    const json = value?.kind === "json" ? value.value : undefined;
    if (!begun) {
      if (!ExportHeader.safeParse(json).success)
        throw new AppError("DOCUMENT_REFUSED", "this is no export of a library: its first line is not the header");
      begun = true;
      continue;
    }
    const closing = ExportEnd.safeParse(json);
    if (closing.success) {
      end = closing.data;
      continue;
    }
    seen += 1;
    if (seen > limits.importDocuments)
      throw new AppError("LIMIT", `an import has at most ${limits.importDocuments} documents; those before are stored`);
    const read = documentIn(json);
    if (typeof read === "string") {
      batch.flush();
      tally.note([{ outcome: "refused", code: "DOCUMENT_REFUSED", why: read }]);
    } else {
      digest.update(`${read.sha256}\n`);
      if (batch.put(read.document)) await setImmediate();
    }
  }
  batch.flush();
  return { ...tally.received(), ...verdictOn(end, seen, digest.digest("hex")) };
}

/** Base64 and names make an export larger than the documents in it. */
const exportGrowth = 2;

function documentIn(json: unknown): { readonly sha256: string; readonly document: Incoming } | string {
  const parsed = ExportLine.safeParse(json);
  if (!parsed.success) return "the line is no document of an export";
  const { sha256, name, subject, base64 } = parsed.data;
  const bytes = base64Bytes(base64);
  if (bytes === undefined) return `the bytes of ${sha256} are malformed base64`;
  if (hash("sha256", bytes, "hex") !== sha256) return `the bytes listed as ${sha256} have another digest`;
  const named = subject === undefined ? undefined : subjectOfText(subject);
  return {
    sha256,
    document: {
      bytes,
      ...(name === undefined ? {} : { name }),
      ...(named === undefined ? {} : { subject: named }),
    },
  };
}

function verdictOn(
  end: { documents: number; digest: string } | undefined,
  seen: number,
  digest: string,
): Pick<ImportResult, "complete" | "says"> {
  if (end === undefined)
    return {
      complete: false,
      says: `the export is cut short after ${seen} documents; they are stored: send it again whole`,
    };
  if (end.documents !== seen || end.digest !== digest)
    return {
      complete: false,
      says: `the closing line speaks of ${end.documents} other documents than the ${seen} that came`,
    };
  return { complete: true, says: `all ${seen} documents of the export came` };
}
