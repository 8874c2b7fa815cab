import type { ObservedProcess } from "@provost/shared/model/observed.ts";

/** How far up a process's ancestors are told and held. */
const mostAncestors = 12;

/**
 * A process as its children's ancestor. They share it, so that what is learned of it later is known of all of them; a chain is cut where
 * it is as long as it may be, so that nothing grows with the age of a tree.
 */
export function bounded(process: ObservedProcess): ObservedProcess {
  let length = 1;
  for (let at = process.parent; at !== undefined; at = at.parent) length += 1;
  return length < mostAncestors ? process : cut(process, 1);
}

function cut(process: ObservedProcess, depth: number): ObservedProcess {
  const { parent, ...own } = process;
  return parent === undefined || depth >= mostAncestors ? own : { ...own, parent: cut(parent, depth + 1) };
}
