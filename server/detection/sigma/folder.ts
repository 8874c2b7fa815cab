/** A folder of rules on the server's disk, read whole and bounded. The owner names it; SigmaHQ's stands as it was published. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { documentLimits } from "./document.ts";
import type { RuleProblem } from "./parse.ts";
import type { RuleFile } from "./rule-set.ts";

export const folderLimits = { files: 20_000, depth: 32, bytes: 64 * 1024 * 1024 };

export interface RuleFolder {
  readonly files: readonly RuleFile[];
  /** Files that could not be read, each with its reason. */
  readonly problems: readonly RuleProblem[];
}

/** Every .yml and .yaml below, in the order of their names; paths are told from the folder on. Links are not followed. */
export function readRuleFolder(folder: string): RuleFolder {
  const files: RuleFile[] = [];
  const problems: RuleProblem[] = [];
  let bytes = 0;
  const fail = (path: string, why: string): void => {
    problems.push({ file: path, line: 1, title: undefined, id: undefined, why });
  };

  function take(path: string, name: string): void {
    const { size } = lstatSync(path);
    if (size > documentLimits.bytes) return fail(name, `the file is larger than ${documentLimits.bytes / 1024} KiB`);
    bytes += size;
    if (files.length >= folderLimits.files || bytes > folderLimits.bytes)
      throw new AppError("LIMIT", `the folder ${folder} has more than ${folderLimits.files} rules or 64 MiB of them`, {
        remedy: "Name a folder that holds the rules alone.",
      });
    files.push({ path: name, text: readFileSync(path, "utf8") });
  }

  function walk(path: string, depth: number): void {
    if (depth > folderLimits.depth)
      return fail(relative(folder, path), `folders lie deeper than ${folderLimits.depth} levels`);
    for (const entry of readdirSync(path, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const inside = join(path, entry.name);
      const name = relative(folder, inside);
      const isRule = /\.ya?ml$/i.test(entry.name);
      if (entry.isDirectory() && !entry.name.startsWith(".")) walk(inside, depth + 1);
      else if (isRule && entry.isSymbolicLink()) fail(name, "links are not followed");
      else if (isRule && entry.isFile()) attempt(name, () => take(inside, name));
    }
  }

  function attempt(name: string, read: () => void): void {
    try {
      read();
    } catch (cause) {
      if (cause instanceof AppError) throw cause;
      fail(name, `it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }

  try {
    if (lstatSync(folder).isDirectory()) walk(folder, 0);
    else files.push({ path: folder, text: readFileSync(folder, "utf8") });
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("UNREADABLE", `the rules in ${folder} cannot be read`, {
      cause,
      remedy: "Name a folder that exists and that this user may read.",
    });
  }
  return { files, problems };
}
