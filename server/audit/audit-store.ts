import type { ChainedEntry, Entry } from "@provost/shared/lib/chain.ts";
import type { AuditKind } from "@provost/shared/model/audit-kinds.ts";
import type { infer as Infer } from "zod";
import type { Answer, Api } from "@provost/shared/protocol/api.ts";

export type NewEntry = Omit<Entry, "sequence"> & { readonly kind: AuditKind };

/** A stretch of the chain without a gap. `before`: the hash that its first entry follows. */
export interface Stretch {
  readonly first: number;
  readonly count: number;
  readonly before: string;
  readonly last: string;
}

/** Who did what at this server, each entry bound to the one before. Nothing is changed or dropped. */
export interface AuditStore {
  /** Durable with the transaction around it. */
  append(entry: NewEntry): void;
  audit(query: Infer<Api["audit"]["query"]>): Answer<"audit">;
  /** From the first entry at or after `from` to the last at or before `to`: all in between, whatever a clock that was set says. */
  stretch(from: number, to: number): Stretch;
  /** The highest sequence that was ever given, also where its row is gone. */
  highest(): number;
  /** In order, a page at a time. */
  entries(stretch: Stretch): Iterable<ChainedEntry>;
}
