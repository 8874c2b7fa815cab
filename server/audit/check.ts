import { setImmediate } from "node:timers/promises";
import { chainStart, readChain } from "@provost/shared/lib/chain.ts";
import type { AuditStore } from "./audit-store.ts";

/** What is kept, read again from the first entry to the last. */
export interface ChainState {
  readonly whole: boolean;
  readonly entries: number;
  /** The hash of the last entry that follows from those before it. */
  readonly last: string;
  /** The first entry that does not. */
  readonly broken?: { readonly sequence: number; readonly why: string };
}

const entriesAtOnce = 500;

/** Others are answered in between: a chain of years takes seconds. */
export async function checkChain(store: Pick<AuditStore, "stretch" | "entries" | "highest">): Promise<ChainState> {
  const stretch = store.stretch(0, Number.MAX_SAFE_INTEGER);
  // Taken together with the stretch: what is added from here on belongs to the next look.
  const highest = store.highest();
  const chain = readChain(chainStart, 1);
  const broken = (sequence: number, why: string): ChainState => ({
    whole: false,
    entries: chain.count,
    last: chain.last,
    broken: { sequence, why },
  });
  for (const entry of store.entries(stretch)) {
    const why = chain.next(entry);
    if (why !== undefined) return broken(entry.sequence, why);
    if (chain.count % entriesAtOnce === 0) await setImmediate();
  }
  if (chain.count < highest) return broken(chain.count + 1, "it was written, and is gone from the end");
  return { whole: true, entries: chain.count, last: chain.last };
}

/** However many ask, one look at a time. */
export function openChainCheck(store: Parameters<typeof checkChain>[0]): () => Promise<ChainState> {
  let looking: Promise<ChainState> | undefined;
  return () => {
    looking ??= checkChain(store).finally(() => (looking = undefined));
    return looking;
  };
}
