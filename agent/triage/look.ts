import { readFileSync, readlinkSync } from "node:fs";
import { pathText } from "@provost/shared/lib/path-text.ts";
import type { Left } from "./bundle.ts";

/** Counts what is not told, by what it is and why. */
export class LeftOut {
  readonly #counts = new Map<string, Left>();

  add(what: string, why: string, count = 1): void {
    if (count <= 0) return;
    const key = `${what}\n${why}`;
    this.#counts.set(key, { what, count: (this.#counts.get(key)?.count ?? 0) + count, why });
  }

  all(): readonly Left[] {
    return [...this.#counts.values()];
  }
}

/** The first `most` of a list; the rest is counted. */
export function first<Item>(list: readonly Item[], most: number, what: string, left: LeftOut): readonly Item[] {
  left.add(what, `more than ${most}`, list.length - most);
  return list.length > most ? list.slice(0, most) : list;
}

/** How much of one /proc file is read. */
const mostBytes = 4 * 1024 * 1024;

export function bytesOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path).subarray(0, mostBytes);
  } catch {
    return undefined;
  }
}

/** Lines of a /proc file as path text: what a name may hold stands there escaped, so that a line stays a line. */
export const linesOf = (path: string): readonly string[] =>
  (bytesOf(path)?.toString("latin1") ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => pathText(Buffer.from(line, "latin1")).slice(0, 4096));

export function linkOf(path: string): string | undefined {
  try {
    return pathText(readlinkSync(path, { encoding: "buffer" })).slice(0, 16_384);
  } catch {
    return undefined;
  }
}

/** Texts that the kernel separates with NUL. */
export function partsOf(path: string): readonly Buffer[] | undefined {
  const bytes = bytesOf(path);
  if (bytes === undefined) return undefined;
  const parts: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(0, from);
    const to = end < 0 ? bytes.length : end;
    parts.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return parts;
}
