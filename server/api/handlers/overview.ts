import type { Parts } from "../parts.ts";
import { gateSummary } from "./gate.ts";
import type { Handler } from "./handler.ts";

export const overview: Handler<"overview"> = ({ parts }) => ({
  ...parts.store.read.overview(parts.edge().online, parts.now()),
  proofs: allProofs(parts),
  gate: gateSummary(parts),
  openIncidents: parts.store.incidents.openByLevel(),
});

export const search: Handler<"search"> = ({ query, parts }) => parts.store.read.search(query.q);

export interface ProofTotals {
  readonly wanted: number;
  readonly derived: number;
  readonly lapsed: number;
  readonly unsupported: number;
  readonly failed: number;
  readonly pending: number;
}

/** Over all configurations of archives and keys that any device has. */
export function allProofs(parts: Pick<Parts, "store" | "derivation">): ProofTotals {
  const configs = parts.store.inventory.configs();
  return configs.map((config) => parts.derivation.counts(config as never)).reduce(sum, none);
}

export const none: ProofTotals = { wanted: 0, derived: 0, lapsed: 0, unsupported: 0, failed: 0, pending: 0 };

export const sum = (a: ProofTotals, b: ProofTotals): ProofTotals => ({
  wanted: a.wanted + b.wanted,
  derived: a.derived + b.derived,
  lapsed: a.lapsed + b.lapsed,
  unsupported: a.unsupported + b.unsupported,
  failed: a.failed + b.failed,
  pending: a.pending + b.pending,
});
