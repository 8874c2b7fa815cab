/** Finds every one of many texts in one pass over another (Aho and Corasick, 1975). */
import { placed } from "./ask.ts";
import type { Placement } from "./expression.ts";

export interface Needle {
  readonly text: string;
  readonly placement: Placement;
}

/** Longer needles are looked for by a part of them: what they find is only a candidate, which its rule looks at whole. */
const longest = 8;

export interface Automaton {
  /** Calls with the number of each needle that stands in the text, as a candidate. */
  scan(text: string, found: (needle: number) => void): void;
}

/** Beyond so many cells (64 MB) there is no table of steps: slower, and no more memory than the texts need. */
const defaultCells = 16_000_000;

export function buildAutomaton(needles: readonly Needle[], mostCells = defaultCells): Automaton {
  const parts = needles.map(({ text, placement }) => partOf(text, placement));
  const classes = new Map<number, number>();
  for (const part of parts)
    for (let at = 0; at < part.length; at++) {
      const code = part.charCodeAt(at);
      if (!classes.has(code)) classes.set(code, classes.size + 1);
    }
  const ascii = Uint16Array.from({ length: 128 }, (_, code) => classes.get(code) ?? 0);
  const classOf = (code: number): number => (code < 128 ? (ascii[code] ?? 0) : (classes.get(code) ?? 0));

  const children: Map<number, number>[] = [new Map()];
  const ending: number[][] = [[]];
  for (const [needle, part] of parts.entries()) {
    let node = 0;
    for (let at = 0; at < part.length; at++) {
      const step = classOf(part.charCodeAt(at));
      let next = children[node]?.get(step);
      if (next === undefined) {
        next = children.length;
        children.push(new Map());
        ending.push([]);
        children[node]?.set(step, next);
      }
      node = next;
    }
    ending[node]?.push(needle);
  }

  // Each node's shorter endings, the nearest to the root first, so that a node can take over what its shorter ones find.
  const fail = new Int32Array(children.length);
  const queue: number[] = [];
  for (const child of children[0]?.values() ?? []) queue.push(child);
  for (let head = 0; head < queue.length; head++) {
    const node = queue[head] ?? 0;
    ending[node]?.push(...(ending[fail[node] ?? 0] ?? []));
    for (const [step, child] of children[node] ?? []) {
      fail[child] = follow(children, fail, fail[node] ?? 0, step);
      queue.push(child);
    }
  }
  const width = classes.size + 1;
  const table = children.length * width <= mostCells ? tabulate(children, fail, queue, width) : undefined;
  const found = ending.map((list) => (list.length === 0 ? undefined : Int32Array.from(list)));
  const lengths = Int32Array.from(parts, (part) => part.length);

  return {
    scan(text, tell) {
      let node = 0;
      for (let at = 0; at < text.length; at++) {
        const code = text.charCodeAt(at);
        const step = code < 128 ? (ascii[code] ?? 0) : (classes.get(code) ?? 0);
        node = table === undefined ? follow(children, fail, node, step) : (table[node * width + step] ?? 0);
        const here = found[node];
        if (here === undefined) continue;
        for (const needle of here) {
          const { placement, text: whole } = needles[needle] ?? { placement: "contains", text: "" };
          const stands =
            placement === "contains" ||
            (placement === "starts"
              ? at + 1 === lengths[needle]
              : at + 1 === text.length && placed("ends", text, whole));
          if (stands) tell(needle);
        }
      }
    },
  };
}

/** The longest known text that ends here. */
function follow(
  children: readonly ReadonlyMap<number, number>[],
  fail: Int32Array,
  from: number,
  step: number,
): number {
  for (let node = from; ; node = fail[node] ?? 0) {
    const next = children[node]?.get(step);
    if (next !== undefined) return next;
    if (node === 0) return 0;
  }
}

/** Every step from every node, worked out beforehand. */
function tabulate(
  children: readonly ReadonlyMap<number, number>[],
  fail: Int32Array,
  order: readonly number[],
  width: number,
): Int32Array {
  const table = new Int32Array(children.length * width);
  for (const node of [0, ...order]) {
    const back = fail[node] ?? 0;
    if (node !== 0) table.copyWithin(node * width, back * width, (back + 1) * width);
    for (const [step, child] of children[node] ?? []) table[node * width + step] = child;
  }
  return table;
}

function partOf(text: string, placement: Placement): string {
  if (text.length <= longest) return text;
  if (placement === "starts") return text.slice(0, longest);
  if (placement === "ends") return text.slice(-longest);
  // The part with the most different characters is the least likely to be met by chance.
  let best = text.slice(0, longest);
  let most = new Set(best).size;
  for (let at = 1; at + longest <= text.length && most < longest; at++) {
    const part = text.slice(at, at + longest);
    const different = new Set(part).size;
    if (different > most) [best, most] = [part, different];
  }
  return best;
}
