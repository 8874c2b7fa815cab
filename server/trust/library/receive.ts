import { setImmediate } from "node:timers/promises";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Instant } from "@provost/shared/model/ids.ts";
import type { Incoming, Library, MayAdd, Outcome } from "./library.ts";
import { libraryLimits } from "./limits.ts";
import { streamLines } from "./read-lines.ts";

/** What became of an upload: every document is counted, the first thousand outcomes and refusals are told one by one. */
export interface Received {
  readonly added: number;
  readonly known: number;
  readonly contradictory: number;
  readonly refused: number;
  readonly documents: readonly (Outcome & { readonly number?: number })[];
  /** Outcomes that are counted above and not told. */
  readonly untold: number;
}

export interface Receiving {
  readonly library: Library;
  readonly from: string;
  readonly now: () => Instant;
  readonly mayAdd?: MayAdd;
}

export type Limits = { readonly [Name in keyof typeof libraryLimits]: number };

/** The whole body is one document. */
export async function receiveOne(
  body: AsyncIterable<Buffer>,
  about: Omit<Incoming, "bytes">,
  { library, from, now, mayAdd }: Receiving,
  limits: Limits = libraryLimits,
): Promise<Received> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limits.documentBytes)
      throw new AppError("LIMIT", `a document has at most ${limits.documentBytes} bytes`);
    pieces.push(chunk);
  }
  const tally = openTally(limits);
  tally.note(library.take([{ ...about, bytes: Buffer.concat(pieces) }], from, now(), mayAdd));
  return tally.received();
}

/** Every line is a document. What was stored before a fault stays: the same upload sent again passes over it. */
export async function receiveLines(
  body: AsyncIterable<Buffer>,
  about: Omit<Incoming, "bytes" | "subject">,
  { library, from, now, mayAdd }: Receiving,
  limits: Limits = libraryLimits,
): Promise<Received> {
  const tally = openTally(limits);
  const batch = openBatch(limits, (documents) => tally.note(library.take(documents, from, now(), mayAdd)));
  let lines = 0;
  for await (const line of streamLines(capped(body, limits.uploadBytes), limits.documentBytes)) {
    lines += 1;
    if (lines > limits.uploadDocuments)
      throw new AppError("LIMIT", `an upload has at most ${limits.uploadDocuments} documents; those before are stored`);
    if (line.kind === "line") {
      // Between two commits agents and people are answered.
      if (batch.put({ ...about, bytes: line.bytes })) await setImmediate();
    } else {
      batch.flush();
      tally.note([{ outcome: "refused", code: "LIMIT", why: `a document has at most ${limits.documentBytes} bytes` }]);
    }
  }
  batch.flush();
  return tally.received();
}

export interface Tally {
  note(outcomes: readonly Outcome[]): void;
  received(): Received;
}

export function openTally(limits: Limits): Tally {
  const counts = { added: 0, known: 0, contradictory: 0, refused: 0 };
  const told: (Outcome & { number?: number })[] = [];
  let number = 0;
  return {
    note(outcomes) {
      for (const outcome of outcomes) {
        number += 1;
        counts[outcome.outcome] += 1;
        const trouble = outcome.outcome === "refused" || outcome.outcome === "contradictory";
        const room = trouble ? 2 * limits.outcomesTold : limits.outcomesTold;
        if (told.length < room) told.push({ ...outcome, number });
      }
    },
    received: () => ({ ...counts, documents: told, untold: number - told.length }),
  };
}

/** Gathers documents until a commit is worth its write. `put` says whether one was made. */
export function openBatch<T extends { readonly bytes: Uint8Array }>(
  limits: Pick<Limits, "batchDocuments" | "batchBytes">,
  store: (documents: readonly T[]) => void,
): { put(document: T): boolean; flush(): void } {
  let held: T[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (held.length === 0) return;
    const documents = held;
    held = [];
    bytes = 0;
    store(documents);
  };
  return {
    put(document) {
      held.push(document);
      bytes += document.bytes.length;
      const full = held.length >= limits.batchDocuments || bytes >= limits.batchBytes;
      if (full) flush();
      return full;
    },
    flush,
  };
}

export async function* capped(body: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes)
      throw new AppError("LIMIT", `an upload has at most ${maxBytes} bytes; the documents before are stored`);
    yield chunk;
  }
}
