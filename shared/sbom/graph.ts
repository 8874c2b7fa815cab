import type { SbomEdge } from "./sbom.ts";
import type { Problems } from "./problems.ts";

/** The edges whose both ends are in the document. What leads nowhere, and the first circle, are told. */
export function checkedEdges(
  edges: readonly SbomEdge[],
  refs: ReadonlySet<string>,
  problems: Problems,
): readonly SbomEdge[] {
  const kept = edges.filter(({ from, to }) => {
    if (refs.has(from) && refs.has(to)) return true;
    problems.add("a reference leads to nothing in this document", refs.has(from) ? to : from);
    return false;
  });
  const circle = firstCircle(kept.filter(({ relation }) => relation === "depends-on"));
  if (circle !== undefined) problems.add("dependencies lead in a circle", circle.join(" -> "));
  return kept;
}

/** Depth first with a stack of its own: a chain of a million dependencies must not end ours. */
function firstCircle(edges: readonly SbomEdge[]): readonly string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) {
    const known = next.get(from);
    if (known === undefined) next.set(from, [to]);
    else known.push(to);
  }
  const done = new Set<string>();
  const onPath = new Set<string>();
  for (const start of next.keys()) {
    if (done.has(start)) continue;
    const path: { readonly ref: string; at: number }[] = [{ ref: start, at: 0 }];
    onPath.add(start);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const to = next.get(top.ref)?.[top.at];
      top.at += 1;
      if (to === undefined) {
        path.pop();
        onPath.delete(top.ref);
        done.add(top.ref);
      } else if (onPath.has(to)) {
        const refs = path.map(({ ref }) => ref);
        return [...refs.slice(refs.indexOf(to)), to];
      } else if (!done.has(to)) {
        path.push({ ref: to, at: 0 });
        onPath.add(to);
      }
    }
  }
  return undefined;
}
