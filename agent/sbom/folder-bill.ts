import { basename } from "node:path";
import { isBelow } from "@provost/shared/ecosystems/packaged-path.ts";
import { pathBytes } from "@provost/shared/lib/path-text.ts";
import type { FileRecord, InstalledPackage, InventoryProblem } from "@provost/shared/model/inventory.ts";
import type { BillItem } from "@provost/shared/sbom/bill.ts";
import { readSelfClaims } from "@provost/shared/self-claims/self-claims.ts";
import type { DeclaredAt, Found } from "../ecosystems/ecosystem.ts";
import { isProblem } from "../ecosystems/ecosystem.ts";
import { diskEcosystems } from "../ecosystems/index.ts";
import { openRoot } from "../ecosystems/root-view.ts";
import { hashFile } from "../identity/hash.ts";
import { planMounts, readMounts } from "../inventory/mounts.ts";
import { SeenFiles } from "../inventory/seen.ts";
import type { Candidate } from "../inventory/survey.ts";
import { rootOf, survey } from "../inventory/survey.ts";
import { claimedOf } from "./claimed.ts";
import { installedItems } from "./installed.ts";
import { withSource } from "./open-source.ts";

export interface FolderBill {
  readonly subject: BillItem;
  readonly items: readonly BillItem[];
  /** What could not be read, and is therefore missing in it. */
  readonly problems: readonly string[];
}

/**
 * What lies below a folder: npm trees, Python distributions, a dpkg database where the folder is or holds the root of a system, and
 * executables with their digests and what they say of themselves. Paths are relative to the folder.
 */
export function folderBill(folder: string, progress: (line: string) => void, stop: AbortSignal): FolderBill {
  const problems: string[] = [];
  const walked = walkBelow(folder, progress);
  problems.push(...walked.blind.map(({ what, count, why }) => `${count} ${what}: ${why}`));
  const packages: InstalledPackage[] = [];
  const declared = new Map<InstalledPackage, ReturnType<DeclaredAt["get"]>>();
  const records = new Map<string, FileRecord>();
  const roots = walked.roots.map(({ root }) => root).toSorted((a, b) => b.length - a.length);
  for (const found of walked.roots) {
    if (stop.aborted) break;
    const wanted = walked.candidates
      .filter(({ path }) => rootOf(path, roots) === found.root)
      .map(({ path }) => path.slice(found.root.length));
    const books = readBooks(folder, withOwnTree(folder, found), new Set(wanted));
    packages.push(...books.packages);
    for (const [item, said] of books.declared) declared.set(item, said);
    problems.push(...books.problems.map(({ path, why }) => `${found.root}${path}: ${why}`));
    for (const record of books.records)
      if (!records.has(found.root + record.path)) records.set(found.root + record.path, record);
  }
  const installed = installedItems(
    packages,
    (item) => declared.get(item) ?? {},
    (place) => below(place, folder),
  );
  const items: BillItem[] = [...installed.items];
  for (const candidate of walked.candidates) {
    if (stop.aborted) break;
    const root = rootOf(candidate.path, roots);
    const record = records.get(candidate.path);
    const owner = record === undefined ? undefined : installed.ownerOf(root, record.purl, record.path);
    progress(candidate.path);
    items.push(...fileItems(candidate, folder, owner, problems));
  }
  return {
    subject: {
      ref: "folder",
      kind: "folder",
      name: basename(folder) || "/",
      digests: [],
      properties: [],
      evidence: [],
    },
    items,
    problems,
  };
}

/** The walk stands in each folder it lists; this process goes back to where it was. */
function walkBelow(folder: string, progress: (line: string) => void) {
  const home = process.cwd();
  try {
    return survey({
      plan: { ...planMounts(readMounts()), blind: [], starts: [folder] },
      excluded: new Set(),
      seen: SeenFiles.forFiles(1000),
      deep: true,
      mayBeKnown: () => false,
      knownAt: () => undefined,
      progress: (files, executables) => progress(`${files} files, ${executables} executable`),
    });
  } finally {
    process.chdir(home);
  }
}

/** The walk names what it meets below its start; the start itself may be a tree of packages. */
const withOwnTree = (folder: string, found: Found): Found =>
  found.root === "" && folder.endsWith("/node_modules")
    ? { ...found, nodeModules: [folder, ...found.nodeModules] }
    : found;

function readBooks(folder: string, found: Found, wanted: ReadonlySet<string>) {
  const view = openRoot(found.root);
  const packages: InstalledPackage[] = [];
  const records: FileRecord[] = [];
  const problems: InventoryProblem[] = [];
  const declared = new Map<InstalledPackage, ReturnType<DeclaredAt["get"]>>();
  for (const ecosystem of diskEcosystems) {
    // The device's own dpkg database says nothing of a folder on it; of one that is or holds a root of its own, its own does.
    if (ecosystem.id === "deb" && found.root === "" && folder !== "/") continue;
    const own: InstalledPackage[] = [];
    for (const item of ecosystem.packages(view, found))
      if (isProblem(item)) problems.push(item);
      else own.push(item);
    packages.push(...own);
    const said = ecosystem.declared?.(view, own);
    for (const item of own) declared.set(item, said?.get(item.location));
    for (const item of ecosystem.records(view, own, wanted))
      if (isProblem(item)) problems.push(item);
      else records.push(item);
  }
  return { packages, records, problems, declared };
}

function fileItems(
  { path, kind }: Candidate,
  folder: string,
  owner: string | undefined,
  problems: string[],
): readonly BillItem[] {
  const bytes = pathBytes(path);
  const open = bytes === undefined ? path : Buffer.from(bytes);
  const hashed = hashFile(open, new Set());
  if (!hashed.ok) problems.push(`${path}: ${hashed.why}`);
  const place = below(path, folder);
  const ref = `file:${place}`;
  const claimed = claimedOf(withSource(open, readSelfClaims) ?? {}, ref);
  return [
    {
      ref,
      kind: "file",
      name: place,
      location: place,
      digests: hashed.ok ? [{ algorithm: "sha256", hex: hashed.sha256 }] : [],
      ...(owner === undefined ? {} : { inside: owner }),
      dependsOn: claimed.dependsOn,
      properties: [["provost:kind", kind], ...claimed.properties],
      evidence: [],
    },
    ...claimed.items,
  ];
}

/** The folder may lie elsewhere tomorrow; what is in it is the same. */
const below = (path: string, folder: string): string =>
  folder !== "/" && isBelow(path, folder) ? path.slice(folder.length + 1) : path;
