import { aptSources } from "../ecosystems/index.ts";
import type { RootView } from "../ecosystems/root-view.ts";
import { append } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import { readMeta, writeMeta } from "../state/state.ts";
import type { Frame } from "@provost/shared/protocol/frames.ts";
import type { AptSource, InventoryProblem } from "@provost/shared/model/inventory.ts";

type Archives = Extract<Frame, { kind: "archives" }>;

/** Tells the server which archives and keys apt is configured with below this root, when that changed. */
export function writeArchives(state: State, view: RootView, root: string): readonly InventoryProblem[] {
  const sources: AptSource[] = [];
  const problems: InventoryProblem[] = [];
  for (const item of aptSources(view)) {
    if ("why" in item) problems.push(item);
    else sources.push(item);
  }
  const frame = { kind: "archives", root, sources } as unknown as Archives;
  const told = heldArchives(state);
  if (JSON.stringify(told[root]) === JSON.stringify(frame) || (told[root] === undefined && sources.length === 0))
    return problems;
  state
    .transaction(() => {
      writeMeta(state, "archives-frames", JSON.stringify({ ...told, [root]: frame }));
      append(state, frame);
    })
    .immediate();
  return problems;
}

/** Again, for a server that starts anew. The caller holds the transaction. */
export function retellArchives(state: State): void {
  for (const frame of Object.values(heldArchives(state))) append(state, frame);
}

const heldArchives = (state: State): Record<string, Archives> =>
  JSON.parse(readMeta(state, "archives-frames") ?? "{}") as Record<string, Archives>;
