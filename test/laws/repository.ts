import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** The repository as the laws read it: paths relative to its top, without what is installed or built. */
export const top = join(import.meta.dirname, "../..");

export const read = (path: string): string => readFileSync(join(top, path), "utf8");

export function files(folder = "."): readonly string[] {
  return readdirSync(join(top, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = relative(top, join(top, folder, entry.name));
    if (entry.isDirectory()) return left.has(entry.name) ? [] : files(path);
    return entry.isFile() ? [path] : [];
  });
}

export function folders(folder: string): readonly string[] {
  return readdirSync(join(top, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !left.has(entry.name))
    .map(({ name }) => name)
    .toSorted();
}

const left = new Set(["node_modules", "dist", ".git", ".provost", "coverage"]);

/** The words in the first column of a document's tables, where they stand as `code`. */
export const firstColumn = (document: string): readonly string[] =>
  [...document.matchAll(/^\| `([^`]+)`/gm)].map(([, word = ""]) => word);

export const isSource = (path: string): boolean => /\.(?:ts|tsx|mjs|cjs)$/.test(path);
export const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path);
