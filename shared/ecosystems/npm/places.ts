/**
 * Whether a node_modules folder is a tree npm (or pnpm, yarn) resolves, not one that a package ships as its own content (test
 * fixtures): its parent is either outside every node_modules, or itself an installed package, or a package manager's store.
 */
export function isInstallTree(folder: string): boolean {
  const parent = folder.slice(0, -"/node_modules".length);
  if (!folder.endsWith("/node_modules")) return false;
  const before = parent.lastIndexOf("/node_modules/");
  if (before === -1) return true;
  const inside = parent.slice(before + "/node_modules/".length);
  return isPackagePlace(inside)
    ? isInstallTree(parent.slice(0, before + "/node_modules".length))
    : inStore.test(inside);
}

/** "name" or "@scope/name", and nothing that begins with a dot. */
export const isPackagePlace = (inside: string): boolean => /^(?:@[^/]+\/)?[^/@.][^/]*$/.test(inside);

/** Whether a path lies in any node_modules folder. */
export const isInNodeModules = (path: string): boolean => `${path}/`.includes("/node_modules/");

// pnpm's virtual store (.pnpm/a@1.0.0), npm's and yarn's linked one (.store/a@1.0.0-hash[/package]).
const inStore = /^\.(?:pnpm|store)\/[^/]+(?:\/package)?$/;
