import { bind, chainStart } from "@provost/shared/lib/chain.ts";
import type { ChainedEntry } from "@provost/shared/lib/chain.ts";
import type { State } from "../state/state.ts";

/** What was done to this device, in order, each entry bound to the one before. Durable with the surrounding transaction. */
export function appendAudit(
  state: State,
  entry: { readonly at: number; readonly kind: string; readonly by: string; readonly says: string },
  facts: Readonly<Record<string, string>> = {},
): { readonly sequence: number; readonly hash: string } {
  const last = state
    .prepare<[], { sequence: number; hash: string }>("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
    .get();
  const sequence = (last?.sequence ?? 0) + 1;
  const bound = bind(last?.hash ?? chainStart, { sequence, ...entry, facts });
  state
    .prepare("INSERT INTO audit (sequence, at, kind, by, says, facts, hash) VALUES (?, ?, ?, ?, ?, ?, ?)")
    .run(sequence, bound.at, bound.kind, bound.by, bound.says, JSON.stringify(bound.facts), bound.hash);
  return { sequence, hash: bound.hash };
}

export const auditEntries = (state: State): readonly ChainedEntry[] =>
  state
    .prepare<[], Omit<ChainedEntry, "facts"> & { facts: string }>("SELECT * FROM audit ORDER BY sequence")
    .all()
    .map(({ facts, ...entry }) => ({ ...entry, facts: JSON.parse(facts) as Record<string, string> }));
