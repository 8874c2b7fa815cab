import type { RootView } from "../root-view.ts";

/** Where npm on this root keeps tarballs: "cache" of each npmrc, then ~/.npm of each home. Only folders that exist. */
export function cacheFolders(view: RootView): readonly string[] {
  const homes = homesOf(view);
  const configured = [
    ...globalFiles.map((file) => ({ file, home: "/root" })),
    ...homes.map((home) => ({ file: `${home}/.npmrc`, home })),
  ].map(({ file, home }) => cacheIn(textOf(view, file), home));
  const folders = [...configured.filter((folder) => folder !== undefined), ...homes.map((home) => `${home}/.npm`)];
  const real = folders.map((folder) => view.real(`${folder}/_cacache/content-v2`));
  return [
    ...new Set(real.flatMap((found) => (found.kind === "real" && view.status(found.path).found ? [found.path] : []))),
  ];
}

const globalFiles = ["/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc"];
const MAX_TEXT = 4 * 1024 * 1024;
const MAX_HOMES = 1000;

/** passwd(5): the sixth field. */
function homesOf(view: RootView): readonly string[] {
  const homes = textOf(view, "/etc/passwd")
    .split("\n")
    .map((line) => line.split(":")[5] ?? "")
    .filter((home) => home.startsWith("/") && home !== "/" && !home.includes("\\"));
  return [...new Set(["/root", ...homes])].slice(0, MAX_HOMES);
}

/** npmrc(5) is an ini file; "~" and ${HOME} stand for the home folder. */
function cacheIn(text: string, home: string): string | undefined {
  const value = /^\s*cache\s*=\s*"?([^"\n;#]+?)"?\s*$/m.exec(text)?.[1];
  const path = value?.replace(/^~(?=\/|$)/, home).replaceAll("${HOME}", home);
  return path?.startsWith("/") === true && !path.includes("\\") ? path : undefined;
}

function textOf(view: RootView, path: string): string {
  const read = view.read(path, MAX_TEXT);
  return read.kind === "bytes" ? new TextDecoder().decode(read.bytes) : "";
}
