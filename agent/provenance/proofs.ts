import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Purl, Sha256 } from "@provost/shared/model/ids.ts";
import type { ChainLink } from "@provost/shared/model/verdict.ts";
import type { ProofMessage } from "@provost/shared/protocol/frames.ts";
import { judge } from "@provost/shared/provenance/judge.ts";
import type { KnownProof, Proofs } from "@provost/shared/provenance/judge.ts";
import type { State } from "../state/state.ts";
import { writeMeta } from "../state/state.ts";
import { factsOf } from "../inventory/file-rows.ts";
import type { FileRow } from "../inventory/file-rows.ts";

/** The proofs the server sent down, as the judge asks for them. Statements are prepared once a call. */
export function proofsIn(state: State): Proofs {
  const one = state.prepare<[string], ProofRow>("SELECT state, says, wanted, links FROM proofs WHERE purl = ?");
  const file = state.prepare<[string, string], { sha256: string }>(
    "SELECT sha256 FROM proof_files WHERE purl = ? AND path = ?",
  );
  const held = new Map<string, KnownProof | undefined>();
  return {
    proofOf(purl) {
      if (!held.has(purl)) held.set(purl, knownProof(one.get(purl)));
      return held.get(purl);
    },
    fileIn: (purl, path) => file.get(purl, path)?.sha256 as Sha256 | undefined,
  };
}

/** Keeps what the server proved about a package and judges the package's files again. Returns how many verdicts changed. */
export function acceptProof(state: State, message: ProofMessage): number {
  return state
    .transaction(() => {
      storeProof(state, message);
      return judgeAgain(state, message.purl as Purl);
    })
    .immediate();
}

function storeProof(state: State, message: ProofMessage): void {
  state
    .prepare("INSERT OR REPLACE INTO proofs (purl, state, says, wanted, links) VALUES (?, ?, ?, ?, ?)")
    .run(message.purl, message.state, message.says, message.wanted ?? null, JSON.stringify(message.links));
  state.prepare("DELETE FROM proof_files WHERE purl = ?").run(message.purl);
  const insert = state.prepare("INSERT OR REPLACE INTO proof_files (purl, path, sha256) VALUES (?, ?, ?)");
  for (const file of message.files) insert.run(message.purl, file.path, file.sha256);
  writeMeta(state, "proofs-version", String(message.version));
}

function judgeAgain(state: State, purl: Purl): number {
  const proofs = proofsIn(state);
  const update = state.prepare("UPDATE files SET standing = ?, basis = ?, says = ? WHERE root = ? AND path = ?");
  const rows = state
    .prepare<[string], FileRow>("SELECT files.* FROM owners JOIN files USING (root, path) WHERE owners.purl = ?")
    .all(purl);
  let changed = 0;
  for (const row of rows) {
    const verdict = judge(factsOf(row), proofs);
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
}

const knownProof = (row: ProofRow | undefined): KnownProof | undefined =>
  row === undefined
    ? undefined
    : {
        state: row.state,
        says: row.says,
        wanted: row.wanted ?? undefined,
        links: JSON.parse(row.links) as readonly ChainLink[],
      };

/** The whole verdict with its chain; the table keeps only its head. */
export const judgeNow = (state: State, facts: FileFacts) => judge(facts, proofsIn(state));
