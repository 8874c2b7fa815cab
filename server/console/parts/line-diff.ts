/** One line of two texts laid over each other, with its number in each that has it; from 1. */
export type DiffLine =
  | { readonly is: "same"; readonly text: string; readonly before: number; readonly after: number }
  | { readonly is: "gone"; readonly text: string; readonly before: number }
  | { readonly is: "new"; readonly text: string; readonly after: number };

/** Lines that did not change and stand far from any that did. */
export interface Skipped {
  readonly is: "skipped";
  readonly lines: number;
}

/**
 * The longest common subsequence of lines. Where the parts that differ are too large for its table, the old part goes
 * whole and the new one comes whole: still true, only less fine.
 */
export function lineDiff(before: string, after: string): readonly DiffLine[] {
  const old = linesOf(before);
  const now = linesOf(after);
  const head = commonStart(old, now);
  const tail = commonEnd(old, now, head);
  const gone = old.slice(head, old.length - tail);
  const come = now.slice(head, now.length - tail);
  const middle = gone.length * come.length > mostCells ? wholly(gone, come) : finely(gone, come);
  return numbered([
    ...old.slice(0, head).map((text) => ({ is: "same", text }) as const),
    ...middle,
    ...old.slice(old.length - tail).map((text) => ({ is: "same", text }) as const),
  ]);
}

/** The changes with a few lines around each, and how many lines were left out between them. */
export function withoutFarLines(lines: readonly DiffLine[], around = 3): readonly (DiffLine | Skipped)[] {
  const near = new Uint8Array(lines.length);
  for (const [at, line] of lines.entries()) {
    if (line.is === "same") continue;
    near.fill(1, Math.max(0, at - around), at + around + 1);
  }
  const shown: (DiffLine | Skipped)[] = [];
  for (const [at, line] of lines.entries()) {
    const last = shown.at(-1);
    if (near[at] === 1) shown.push(line);
    else if (last?.is === "skipped") shown[shown.length - 1] = { is: "skipped", lines: last.lines + 1 };
    else shown.push({ is: "skipped", lines: 1 });
  }
  return shown;
}

const mostCells = 4_000_000;

type Bare = Pick<DiffLine, "is" | "text">;

/** A line break at the end ends the last line; it does not begin another. */
function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

function commonStart(old: readonly string[], now: readonly string[]): number {
  let length = 0;
  while (length < old.length && length < now.length && old[length] === now[length]) length += 1;
  return length;
}

function commonEnd(old: readonly string[], now: readonly string[], head: number): number {
  const most = Math.min(old.length, now.length) - head;
  let length = 0;
  while (length < most && old[old.length - 1 - length] === now[now.length - 1 - length]) length += 1;
  return length;
}

const wholly = (gone: readonly string[], come: readonly string[]): readonly Bare[] => [
  ...gone.map((text) => ({ is: "gone", text }) as const),
  ...come.map((text) => ({ is: "new", text }) as const),
];

function finely(gone: readonly string[], come: readonly string[]): readonly Bare[] {
  const width = come.length + 1;
  // common[i][j]: how many lines the rest of both, from i and from j, have in common.
  const common = new Uint32Array((gone.length + 1) * width);
  const rest = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = gone.length - 1; i >= 0; i -= 1)
    for (let j = come.length - 1; j >= 0; j -= 1)
      common[i * width + j] = gone[i] === come[j] ? rest(i + 1, j + 1) + 1 : Math.max(rest(i + 1, j), rest(i, j + 1));
  const lines: Bare[] = [];
  let i = 0;
  let j = 0;
  while (i < gone.length || j < come.length) {
    const [from, to] = [gone[i], come[j]];
    if (from !== undefined && from === to) {
      lines.push({ is: "same", text: from });
      i += 1;
      j += 1;
    } else if (from !== undefined && (to === undefined || rest(i + 1, j) >= rest(i, j + 1))) {
      lines.push({ is: "gone", text: from });
      i += 1;
    } else {
      lines.push({ is: "new", text: to ?? "" });
      j += 1;
    }
  }
  return lines;
}

function numbered(lines: readonly Bare[]): readonly DiffLine[] {
  let before = 0;
  let after = 0;
  return lines.map(({ is, text }): DiffLine => {
    if (is !== "new") before += 1;
    if (is !== "gone") after += 1;
    return is === "same" ? { is, text, before, after } : is === "gone" ? { is, text, before } : { is, text, after };
  });
}
