import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { ChainLink, Verdict } from "@provost/shared/model/verdict.ts";
import type { ProofMessage } from "@provost/shared/protocol/frames.ts";
import { judge } from "@provost/shared/provenance/judge.ts";
import type { KnownProof, Proofs } from "@provost/shared/provenance/judge.ts";
import type { FileRow } from "../inventory/file-rows.ts";
import { factsOf } from "../inventory/file-rows.ts";
import { append } from "../spool/spool.ts";
import { prepared } from "../state/prepared.ts";
import type { State } from "../state/state.ts";

/** The proofs the server sent down, by root, as the judge asks for them. */
export function proofsIn(state: State): (root: string) => Proofs {
  const one = prepared<[string, string], ProofRow>(
    state,
    "SELECT state, says, wanted, links, archive FROM proofs WHERE root = ? AND purl = ?",
  );
  const attested = prepared<[string], string>(state, "SELECT verdict FROM attested WHERE subject = ?").pluck();
  const hasAttested = prepared<[], number>(state, "SELECT 1 FROM attested LIMIT 1").pluck().get() !== undefined;
  const file = prepared<[string, string, string, string], { sha256: string }>(
    state,
    "SELECT sha256 FROM proof_files WHERE root = ? AND purl = ? AND path = ? AND sha256 <> '' ORDER BY sha256 = ? DESC LIMIT 1",
  );
  const covered = prepared<[string, string, string], number>(
    state,
    "SELECT 1 FROM proof_files WHERE root = ? AND purl = ? AND path = ? LIMIT 1",
  ).pluck();
  const held = new Map<string, KnownProof | undefined>();
  return (root) => ({
    proofOf(purl) {
      const key = `${root}\n${purl}`;
      if (!held.has(key)) held.set(key, knownProof(one.get(root, purl)));
      return held.get(key);
    },
    fileIn: (purl, path, found) => file.get(root, purl, path, found)?.sha256 as Sha256 | undefined,
    covers: (purl, path) => covered.get(root, purl, path) !== undefined,
    attestedOf(subject) {
      const verdict = hasAttested ? attested.get(subject) : undefined;
      return verdict === undefined ? undefined : (JSON.parse(verdict) as Verdict);
    },
  });
}

/** Keeps what the server proved about a package, judges the package's files again and confirms: all or nothing. */
export function acceptProof(state: State, message: ProofMessage): number {
  return state
    .transaction(() => {
      storeProof(state, message);
      append(state, { kind: "held", proofs: [{ root: message.root, purl: message.purl, version: message.version }] });
      return judgeAgain(state, message.root, message.purl);
    })
    .immediate();
}

/** The whole verdict with its chain; the table keeps only its head. */
export const judgeNow = (state: State, facts: FileFacts): Verdict => judge(facts, proofsIn(state)(facts.root));

function storeProof(state: State, message: ProofMessage): void {
  state
    .prepare(
      "INSERT OR REPLACE INTO proofs (root, purl, state, says, wanted, links, archive) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .run(
      message.root,
      message.purl,
      message.state,
      message.says,
      message.wanted ?? null,
      JSON.stringify(message.links),
      message.archive ?? null,
    );
  state.prepare("DELETE FROM proof_files WHERE root = ? AND purl = ?").run(message.root, message.purl);
  const insert = state.prepare("INSERT OR REPLACE INTO proof_files (root, purl, path, sha256) VALUES (?, ?, ?, ?)");
  for (const file of message.files) insert.run(message.root, message.purl, file.path, file.sha256);
  for (const path of message.absent ?? []) insert.run(message.root, message.purl, path, inNoBuild);
}

/** In the place of a digest: the signed package has no such file. */
const inNoBuild = "";

function judgeAgain(state: State, root: string, purl: string): number {
  const rows = state
    .prepare<[string, string], FileRow>(
      "SELECT files.* FROM owners JOIN files USING (root, path) WHERE owners.purl = ? AND owners.root = ?",
    )
    .all(purl, root);
  return judgeRows(state, rows);
}

/** Judges these files with what is held now; returns how many verdicts changed. */
export function judgeRows(state: State, rows: readonly FileRow[]): number {
  const proofs = proofsIn(state);
  const update = state.prepare("UPDATE files SET standing = ?, basis = ?, says = ? WHERE root = ? AND path = ?");
  let changed = 0;
  for (const row of rows) {
    const verdict = judge(factsOf(row), proofs(row.root));
    if (verdict.standing === row.standing && verdict.basis === row.basis && verdict.says === row.says) continue;
    update.run(verdict.standing, verdict.basis, verdict.says, row.root, row.path);
    changed += 1;
  }
  return changed;
}

interface ProofRow {
  readonly state: KnownProof["state"];
  readonly says: string;
  readonly wanted: string | null;
  readonly links: string;
  readonly archive: Sha256 | null;
}

const knownProof = (row: ProofRow | undefined): KnownProof | undefined =>
  row === undefined
    ? undefined
    : {
        state: row.state,
        says: row.says,
        wanted: row.wanted ?? undefined,
        links: JSON.parse(row.links) as readonly ChainLink[],
        archive: row.archive ?? undefined,
      };
