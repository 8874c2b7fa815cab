/** The folders that a merged system replaces by a link to the folder of that name below /usr. */
export const usrMergeFolders = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] as const;

/** "/bin" -> "/usr/bin" and the like: which of them are links on this device is the caller's knowledge. */
export type UsrAliases = ReadonlyMap<string, string>;

export const fullUsrMerge: UsrAliases = new Map(usrMergeFolders.map((name) => [`/${name}`, `/usr/${name}`]));

/** Where a packaged path lies on a device whose `aliases` are links: ./bin/bash stands at /usr/bin/bash. */
export function mergedPath(packaged: string, aliases: UsrAliases): string {
  const end = packaged.indexOf("/", 1);
  const target = aliases.get(end < 0 ? packaged : packaged.slice(0, end));
  return target === undefined || end < 0 ? packaged : target + packaged.slice(end);
}
