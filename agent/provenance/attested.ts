import type { Sha256 } from "@provost/shared/model/ids.ts";
import { archiveSubject } from "@provost/shared/provenance/archive-subject.ts";
import type { AttestedMessage, TrustMessage } from "@provost/shared/protocol/server-messages.ts";
import { hash } from "node:crypto";
import type { FileRow } from "../inventory/file-rows.ts";
import { factsOf } from "../inventory/file-rows.ts";
import { append } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import { judgeRows } from "./proofs.ts";

/**
 * Keeps what documents establish about a file or an archive, with the documents, judges again what rests on it and confirms: all or
 * nothing. Returns how many verdicts changed.
 */
export function acceptAttested(state: State, message: AttestedMessage): number {
  return state
    .transaction(() => {
      storeVerdict(state, message);
      storeDocuments(state, message);
      append(state, { kind: "held", proofs: [], attested: [{ subject: message.subject, version: message.version }] });
      return judgeRows(state, rowsResting(state, message.subject));
    })
    .immediate();
}

/** Trust documents kept on the device: the newest and those that recent verdicts were computed under. */
const keptTrust = 20;

export function acceptTrust(state: State, { version, document }: TrustMessage, now: number): void {
  state
    .transaction(() => {
      state
        .prepare("INSERT OR REPLACE INTO trust (version, document, at) VALUES (?, ?, ?)")
        .run(version, document, now);
      state
        .prepare("DELETE FROM trust WHERE version NOT IN (SELECT version FROM trust ORDER BY at DESC, version LIMIT ?)")
        .run(keptTrust);
    })
    .immediate();
}

function storeVerdict(state: State, { subject, judged }: AttestedMessage): void {
  if (judged === undefined) {
    state.prepare("DELETE FROM attested WHERE subject = ?").run(subject);
    return;
  }
  const { trustVersion, at, ...verdict } = judged;
  state
    .prepare("INSERT OR REPLACE INTO attested (subject, verdict, trust_version, at) VALUES (?, ?, ?, ?)")
    .run(subject, JSON.stringify(verdict satisfies Told), trustVersion, at);
}

/** As the wire has it; a verdict of the model has just these members. */
type Told = Omit<NonNullable<AttestedMessage["judged"]>, "trustVersion" | "at">;

function storeDocuments(state: State, { subject, documents }: AttestedMessage): void {
  state.prepare("DELETE FROM attested_documents WHERE subject = ?").run(subject);
  const insert = state.prepare(
    "INSERT OR REPLACE INTO attested_documents (subject, sha256, name, bytes) VALUES (?, ?, ?, ?)",
  );
  for (const { sha256, name, base64 } of documents) {
    const bytes = Buffer.from(base64, "base64");
    // A document goes by its digest everywhere; one that does not have it is another document.
    if (hash("sha256", bytes, "hex") === sha256) insert.run(subject, sha256, name ?? null, bytes);
  }
}

/** The file itself wherever it lies, and what stands in the archive: by an index's word, or by the device's own reading of it. */
function rowsResting(state: State, subject: Sha256): readonly FileRow[] {
  const rows = state
    .prepare<[string, string], FileRow>(
      `SELECT * FROM files WHERE digest = ? UNION SELECT files.* FROM proofs
       JOIN owners ON owners.purl = proofs.purl AND owners.root = proofs.root
       JOIN files ON files.root = owners.root AND files.path = owners.path WHERE proofs.archive = ?`,
    )
    .all(subject, subject);
  const pinned = state.prepare<[], FileRow>(`SELECT * FROM files WHERE records LIKE '%"archive":%'`).all();
  return [...rows, ...pinned.filter((row) => factsOf(row).records.some((one) => archiveSubject(one)?.key === subject))];
}

export interface HeldDocument {
  readonly sha256: Sha256;
  readonly name: string | null;
  readonly bytes: Uint8Array;
}

/** The documents about these bytes that the server sent, for a verdict at another time or under other trust. */
export const documentsHeld = (state: State, subject: Sha256): readonly HeldDocument[] =>
  state
    .prepare<[string], HeldDocument>(
      "SELECT sha256, name, bytes FROM attested_documents WHERE subject = ? ORDER BY sha256",
    )
    .all(subject);

/** Undefined: the device holds no such version. */
export const trustHeld = (state: State, version: string): string | undefined =>
  state.prepare<[string], string>("SELECT document FROM trust WHERE version = ?").pluck().get(version);

/** The newest trust document the server sent. */
export const trustNow = (state: State): { readonly version: string; readonly document: string } | undefined =>
  state
    .prepare<[], { version: string; document: string }>(
      "SELECT version, document FROM trust ORDER BY at DESC, version LIMIT 1",
    )
    .get();
