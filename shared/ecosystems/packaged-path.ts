/** Why a path that a package's own list names is not believed. Undefined: it stays below the root and is printable. */
export function pathFault(path: string): string | undefined {
  if (!path.startsWith("/")) return "a path that is not absolute";
  if (path.length > MAX_PATH) return "a path longer than 4096 characters";
  if (control.test(path)) return "a path with a control character";
  return dots.test(path) ? 'a path with "." or ".." in it' : undefined;
}

/**
 * Joins a folder and a relative path the way a shell would read it, without looking at the disk. Undefined when it climbs
 * above `within`: a list may name its own environment's files and no others.
 */
export function joinWithin(folder: string, relative: string, within: string): string | undefined {
  const kept = relative.startsWith("/") ? [] : folder.split("/").filter((part) => part !== "");
  for (const part of relative.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.pop() === undefined) return undefined;
  }
  const path = `/${kept.join("/")}`;
  return isBelow(path, within) ? path : undefined;
}

export const isBelow = (path: string, folder: string): boolean =>
  folder === "" || folder === "/" || path.startsWith(`${folder}/`);
export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/"))) || "/";
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

// Linux PATH_MAX.
const MAX_PATH = 4096;
// As pathText writes C0, DEL and C1.
const control = /\\x(?:[01][0-9a-f]|7f|c2\\x[89])/;
const dots = /\/\.{1,2}(?:\/|$)/;
