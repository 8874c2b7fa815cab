import { eachPathLine, ownText } from "../../lib/lines.ts";
import type { LineFaults } from "../line-faults.ts";
import { pathFault } from "../packaged-path.ts";

/** info/NAME.list: one absolute path a line. dpkg writes "/." for the root itself. Paths that `keep` refuses are left out. */
export function readFileList(
  bytes: Uint8Array,
  keep: (path: string) => boolean = every,
): { readonly paths: readonly string[]; readonly faults: LineFaults } {
  const faults = new Map<string, number>();
  const paths: string[] = [];
  for (const line of eachPathLine(bytes)) {
    if (line === "/.") continue;
    const fault = pathFault(line);
    if (fault !== undefined) count(faults, fault);
    else if (keep(line)) paths.push(ownText(line));
  }
  return { paths, faults };
}

/** info/NAME.md5sums: "digest  path", the path without its leading slash. Keys here have it. As above for `keep`. */
export function readMd5sums(
  bytes: Uint8Array,
  keep: (path: string) => boolean = every,
): {
  readonly digests: ReadonlyMap<string, string>;
  readonly faults: LineFaults;
} {
  const faults = new Map<string, number>();
  const digests = new Map<string, string>();
  for (const line of eachPathLine(bytes)) {
    const path = `/${line.slice(34).replace(/^\.?\//, "")}`;
    const digest = line.slice(0, 32);
    const fault = md5Line.test(line) ? pathFault(path) : "a line that is no digest and path";
    if (fault !== undefined) count(faults, fault);
    else if (digests.has(path) && digests.get(path) !== digest) count(faults, "a path with two digests");
    else if (keep(path)) digests.set(ownText(path), ownText(digest));
  }
  return { digests, faults };
}

const every = (): boolean => true;
const md5Line = /^[0-9a-f]{32} [ *]./;

function count(faults: Map<string, number>, why: string): void {
  faults.set(why, (faults.get(why) ?? 0) + 1);
}
