import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Frame } from "@provost/shared/protocol/frames.ts";
import { judge } from "@provost/shared/provenance/judge.ts";
import type { Proofs } from "@provost/shared/provenance/judge.ts";
import { append } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import type { FileRow } from "./file-rows.ts";
import { factsOf, insertFile, rowOf } from "./file-rows.ts";

/** Files per transaction and per frame: small enough to be on screen soon, large enough to be cheap. */
export const filesPerWrite = 250;

/** Stores what is known of these files, with its verdict, and spools the frame that tells it: both or neither. */
export function writeFiles(
  state: State,
  files: readonly FileFacts[],
  proofs: (root: string) => Proofs,
  pass: number,
): void {
  const insert = state.prepare(insertFile);
  const forget = state.prepare("DELETE FROM owners WHERE root = ? AND path = ?");
  const own = state.prepare("INSERT OR IGNORE INTO owners (purl, root, path) VALUES (?, ?, ?)");
  const known = state.prepare<[string, string], { records: string }>(
    "SELECT records FROM files WHERE root = ? AND path = ?",
  );
  state
    .transaction(() => {
      for (const facts of files) {
        if (known.get(facts.root, facts.path) !== undefined) forget.run(facts.root, facts.path);
        insert.run(rowOf(facts, judge(facts, proofs(facts.root)), pass));
        for (const record of facts.records) own.run(record.purl, facts.root, facts.path);
      }
      append(state, { kind: "files", upserts: files.map(wire), gone: [] });
    })
    .immediate();
}

/** Forgets files that are no longer there and tells so. */
export function forgetFiles(state: State, gone: readonly { readonly root: string; readonly path: string }[]): void {
  for (let at = 0; at < gone.length; at += filesPerWrite) {
    const some = gone.slice(at, at + filesPerWrite);
    state
      .transaction(() => {
        for (const { root, path } of some) {
          state.prepare("DELETE FROM files WHERE root = ? AND path = ?").run(root, path);
          state.prepare("DELETE FROM owners WHERE root = ? AND path = ?").run(root, path);
        }
        append(state, { kind: "files", upserts: [], gone: some.map(({ root, path }) => ({ root, path })) });
      })
      .immediate();
  }
}

/** Everything in the table again, for a server that starts anew. The caller holds the transaction. */
export function retellFiles(state: State): void {
  let some: FileFacts[] = [];
  const flush = (): void => {
    if (some.length > 0) append(state, { kind: "files", upserts: some.map(wire), gone: [] });
    some = [];
  };
  for (const row of state.prepare<[], FileRow>("SELECT * FROM files").all()) {
    some.push(factsOf(row));
    if (some.length === filesPerWrite) flush();
  }
  flush();
}

type WireFile = Extract<Frame, { kind: "files" }>["upserts"][number];
const wire = (facts: FileFacts): WireFile => ({ ...facts, records: facts.records.map((record) => ({ ...record })) });
