import { pathLines } from "../../lib/lines.ts";
import type { LineFaults } from "../line-faults.ts";
import { pathFault } from "../packaged-path.ts";

/** info/NAME.list: one absolute path a line. dpkg writes "/." for the root itself. */
export function readFileList(bytes: Uint8Array): { readonly paths: readonly string[]; readonly faults: LineFaults } {
  const faults = new Map<string, number>();
  const lines = pathLines(bytes);
  const paths = lines.filter((line) => {
    if (line === "/.") return false;
    const fault = pathFault(line);
    if (fault !== undefined) count(faults, fault);
    return fault === undefined;
  });
  return { paths, faults };
}

/** info/NAME.md5sums: "digest  path", the path without its leading slash. Keys here have it. */
export function readMd5sums(bytes: Uint8Array): {
  readonly digests: ReadonlyMap<string, string>;
  readonly faults: LineFaults;
} {
  const faults = new Map<string, number>();
  const digests = new Map<string, string>();
  for (const line of pathLines(bytes)) {
    const path = `/${line.slice(34).replace(/^\.?\//, "")}`;
    const digest = line.slice(0, 32);
    const fault = md5Line.test(line) ? pathFault(path) : "a line that is no digest and path";
    if (fault !== undefined) count(faults, fault);
    else if (digests.has(path) && digests.get(path) !== digest) count(faults, "a path with two digests");
    else digests.set(path, digest);
  }
  return { digests, faults };
}

const md5Line = /^[0-9a-f]{32} [ *]./;

function count(faults: Map<string, number>, why: string): void {
  faults.set(why, (faults.get(why) ?? 0) + 1);
}
