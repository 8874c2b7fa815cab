import type { Standing } from "@provost/shared/model/verdict.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";

export type Process = Answer<"processes">["rows"][number];
export type Mapped = Process["mapped"][number];

/** One line of the indented tree: a process, or a file that the process above maps. */
export type TreeRow =
  | {
      readonly is: "process";
      readonly key: string;
      readonly depth: number;
      readonly process: Process;
      readonly children: number;
    }
  | { readonly is: "mapped"; readonly key: string; readonly depth: number; readonly mapped: Mapped };

interface TreeView {
  /** Processes whose mapped files are shown. */
  readonly open: ReadonlySet<number>;
  /** Only processes with these standings, with the parents that lead to them. */
  readonly only?: ReadonlySet<Standing>;
}

/**
 * Processes as lines to draw, parents before children, oldest first. A parent that is not in the list, is its own
 * ancestor, or appears twice makes a process a root: each process is drawn exactly once whatever the device reported.
 */
export function treeRows(processes: readonly Process[], view: TreeView): readonly TreeRow[] {
  const children = childrenOf(processes);
  const wanted = view.only === undefined ? undefined : withAncestors(processes, view.only);
  const rows: TreeRow[] = [];
  const drawn = new Set<Process>();
  // A list as a stack: a chain of a hundred thousand parents must not exhaust the engine's.
  const draw = (roots: readonly Process[]): void => {
    const waiting = roots.map((process) => ({ process, depth: 0 })).reverse();
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { process, depth } = next;
      if (drawn.has(process)) continue;
      drawn.add(process);
      const under = process.pid === process.parent ? [] : (children.get(process.pid) ?? []);
      if (wanted === undefined || wanted.has(process.pid)) rows.push(...rowsOf(process, depth, under.length, view));
      for (const child of under.toReversed()) waiting.push({ process: child, depth: depth + 1 });
    }
  };
  const known = new Set(processes.map(({ pid }) => pid));
  draw(byStart(processes.filter(({ pid, parent }) => pid === parent || !known.has(parent))));
  // What remains stands in a circle of parents.
  for (const process of byStart(processes)) if (!drawn.has(process)) draw([process]);
  return rows;
}

/** The line a key leads to from a line: to its parent line. */
export function parentLine(rows: readonly TreeRow[], at: number): number | undefined {
  const depth = rows[at]?.depth ?? 0;
  const before = rows.slice(0, at).findLastIndex((row) => row.depth < depth && row.is === "process");
  return before < 0 ? undefined : before;
}

function rowsOf(process: Process, depth: number, children: number, view: TreeView): readonly TreeRow[] {
  const own = { is: "process", key: `p${process.pid}-${process.startedAt}`, depth, process, children } as const;
  if (!view.open.has(process.pid)) return [own];
  const mapped = process.mapped.map((each, at): TreeRow => {
    return { is: "mapped", key: `${own.key}-m${at}`, depth: depth + 1, mapped: each };
  });
  return [own, ...mapped];
}

function childrenOf(processes: readonly Process[]): ReadonlyMap<number, readonly Process[]> {
  const children = new Map<number, Process[]>();
  for (const process of byStart(processes)) {
    const siblings = children.get(process.parent);
    if (siblings === undefined) children.set(process.parent, [process]);
    else siblings.push(process);
  }
  return children;
}

function withAncestors(processes: readonly Process[], only: ReadonlySet<Standing>): ReadonlySet<number> {
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  const wanted = new Set<number>();
  for (const process of processes) {
    if (!only.has(process.worst)) continue;
    let at: number | undefined = process.pid;
    while (at !== undefined && !wanted.has(at)) {
      wanted.add(at);
      at = parents.get(at);
    }
  }
  return wanted;
}

const byStart = (processes: readonly Process[]): readonly Process[] =>
  processes.toSorted((a, b) => a.startedAt - b.startedAt || a.pid - b.pid);
