import { readIntegrity, type Integrity } from "@provost/shared/ecosystems/npm/integrity.ts";
import { folderOf } from "@provost/shared/ecosystems/packaged-path.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { FileRecord, InstalledPackage, InventoryProblem } from "@provost/shared/model/inventory.ts";
import { problemOf, type RootView } from "../root-view.ts";
import { cacheFolders } from "./cache-folders.ts";
import { readTarball, type MemberDigest, type TarballContents } from "./tarball.ts";

/**
 * A lockfile's digest -> the tarball of that digest in npm's cache -> the digest of each wanted file inside it. The tarball is
 * hashed here and believed for its digest alone, so who else may write to the cache does not matter.
 */
export async function* cacheProofs(
  view: RootView,
  byLocation: ReadonlyMap<string, InstalledPackage>,
  owned: ReadonlyMap<InstalledPackage, readonly string[]>,
): AsyncGenerator<FileRecord | InventoryProblem> {
  const wanted = byTarball(byLocation, owned);
  const caches = wanted.size === 0 ? [] : cacheFolders(view);
  if (caches.length === 0) return;
  for (const { digest, files } of wanted.values()) yield* proofsFrom(view, caches, digest, files);
}

interface WantedFile {
  readonly path: string;
  readonly owner: InstalledPackage;
  /** The package whose tarball brought the file: the owner, or the one that bundles it. */
  readonly pinned: InstalledPackage;
}

interface WantedTarball {
  readonly digest: Integrity;
  readonly files: WantedFile[];
}

/** Each tarball once, however many trees it was unpacked into. */
function byTarball(
  byLocation: ReadonlyMap<string, InstalledPackage>,
  owned: ReadonlyMap<InstalledPackage, readonly string[]>,
): ReadonlyMap<string, WantedTarball> {
  const wanted = new Map<string, WantedTarball>();
  for (const [owner, paths] of owned) {
    const pinned = pinnedAbove(byLocation, owner);
    const digest = readIntegrity(pinned?.integrity ?? "");
    // A SHA-1 pin can be met by two tarballs, so it carries nothing.
    if (pinned === undefined || digest === undefined || digest.algorithm === "sha1") continue;
    const tarball = wanted.get(digest.hex) ?? { digest, files: [] };
    wanted.set(digest.hex, tarball);
    for (const path of paths) tarball.files.push({ path, owner, pinned });
  }
  return wanted;
}

/** A bundled package came inside the tarball of the nearest package above it that has an integrity. */
function pinnedAbove(
  byLocation: ReadonlyMap<string, InstalledPackage>,
  owner: InstalledPackage,
): InstalledPackage | undefined {
  for (let folder = owner.location; folder !== "/"; folder = folderOf(folder)) {
    const above = byLocation.get(folder);
    if (above?.integrity !== undefined) return above;
  }
  return undefined;
}

async function* proofsFrom(
  view: RootView,
  caches: readonly string[],
  digest: Integrity,
  files: readonly WantedFile[],
): AsyncGenerator<FileRecord | InventoryProblem> {
  const inside = (file: WantedFile): string => file.path.slice(file.pinned.location.length + 1);
  const wanted = new Set(files.map(inside));
  const contents = yield* firstIntact(view, caches, digest, wanted);
  for (const file of contents === undefined ? [] : files) {
    const content = contents?.files.get(inside(file));
    if (contents === undefined || content === undefined) continue;
    const { path, owner, pinned } = file;
    const hex = asInstalled(view, path, content, contents.isCommand(inside(file)));
    const pinnedBy = {
      lockfile: pinned.integrityFrom ?? "",
      integrity: pinned.integrity ?? "",
      archive: contents.sha256 as Sha256,
      purl: pinned.purl,
    };
    yield { path, purl: owner.purl, via: "npm-cache", role: "file", expected: { algorithm: "sha256", hex }, pinnedBy };
  }
}

/** cacache: content-v2/ALGORITHM/xx/yy/rest, by the hexadecimal digest of the content. */
async function* firstIntact(
  view: RootView,
  caches: readonly string[],
  digest: Integrity,
  wanted: ReadonlySet<string>,
): AsyncGenerator<InventoryProblem, TarballContents | undefined> {
  const { algorithm, hex } = digest;
  for (const cache of caches) {
    const path = `${cache}/${algorithm}/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex.slice(4)}`;
    const opened = view.chunks(path);
    if (opened.kind === "refused") yield problemOf(path, opened);
    if (opened.kind !== "chunks") continue;
    const contents = await readTarball(opened.chunks, digest, wanted);
    if (contents.kind === "contents") return contents;
    yield { path, basis: "unsupported", why: contents.why };
  }
  return undefined;
}

/** bin-links rewrites a Windows line end of a command's interpreter line. Both forms are the tarball's; which one lies here? */
function asInstalled(view: RootView, path: string, content: MemberDigest, command: boolean): string {
  if (content.rewritten === undefined || !command) return content.sha256;
  const head = view.head(path, content.rewritten.lineEnd);
  const untouched = head.kind === "bytes" && head.bytes.at(-1) === 0x0d;
  return untouched ? content.sha256 : content.rewritten.sha256;
}
