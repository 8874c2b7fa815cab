import { opendirSync } from "node:fs";
import type { Found } from "../../agent/ecosystems/ecosystem.ts";

export interface Walk {
  readonly found: Found;
  readonly files: readonly string[];
}

/** A small walk below `folder` of `root`, following no symlink, for tests that need what the scan would find. */
export function walk(root: string, folder = ""): Walk {
  const nodeModules: string[] = [];
  const distInfos: string[] = [];
  const lockfiles: string[] = [];
  const files: string[] = [];
  const pending = [folder];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const open = opendirSync(`${root}${at}` || "/");
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
      const path = `${at}/${entry.name}`;
      if (/\.(?:dist|egg)-info$/.test(path)) distInfos.push(path);
      if (entry.isDirectory() && entry.name === "node_modules") nodeModules.push(path);
      if (entry.isFile() && /^(?:\.?package-lock|npm-shrinkwrap)\.json$/.test(entry.name)) lockfiles.push(path);
      if (entry.isFile()) files.push(path);
      if (entry.isDirectory()) pending.push(path);
    }
    open.closeSync();
  }
  return { found: { root, nodeModules, distInfos, lockfiles }, files };
}
