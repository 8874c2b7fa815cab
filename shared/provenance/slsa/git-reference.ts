/**
 * `git+https://github.com/o/r@refs/tags/v1` and its relatives, taken apart. Only the spelling of the transport is dropped, never a
 * part of the name: an owner who expects "github.com/o/r" means that repository on that host, letter by letter.
 */
export function gitReference(uri: string): { readonly repository: string; readonly ref: string | undefined } {
  const bare = uri.replace(/^git\+/, "").replace(/^https?:\/\//, "");
  const split = bare.indexOf("@");
  const name = split < 0 ? bare : bare.slice(0, split);
  const commit = /^(.*)\/commit\/[0-9a-f]{40}$/.exec(name)?.[1];
  const repository = (commit ?? name).replace(/\.git$/, "");
  return { repository, ref: split < 0 ? undefined : bare.slice(split + 1) || undefined };
}
