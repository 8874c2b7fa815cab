import { createHash, hash, type Hash } from "node:crypto";
import { pathText } from "../../lib/path-text.ts";
import type { Sha256 } from "../../model/ids.ts";
import { unreadable } from "../refusal.ts";
import type { ArchivedFile, ArchiveEntry, ExtraDigest } from "./archive.ts";
import { joined } from "./cursor.ts";
import { entryPath } from "./entry-path.ts";
import type { FileBody, FileHead, Listing, ReadOptions } from "./options.ts";

export interface OpenListing extends Listing {
  /** Everything that was found, once the container was read to its end. */
  finish(): readonly ArchiveEntry[];
}

/** Collects entries under the bounds. `packedRead` says how many bytes of the archive have been read so far. */
export function listing(options: ReadOptions, packedRead: () => number): OpenListing {
  const { limits } = options;
  const byPath = new Map<string, ArchiveEntry>();
  let unpacked = 0;
  let kept = 0;
  let opened = 0;

  function pathOf(name: Uint8Array, part: string | undefined): { readonly path: string; readonly key: string } {
    opened += 1;
    if (opened > limits.entries) throw unreadable(`more than ${limits.entries} entries`);
    const path = entryPath(name, limits.pathBytes);
    return { path, key: keyOf(part, path) };
  }

  function add(key: string, entry: ArchiveEntry): void {
    const known = byPath.get(key);
    if (known !== undefined && !(known.kind === "folder" && entry.kind === "folder"))
      throw unreadable(`the path ${entry.path} twice`);
    if (entry.path === "." && entry.kind !== "folder") throw unreadable("its root is no folder");
    byPath.set(key, entry);
  }

  return {
    options,
    unpacked(bytes) {
      unpacked += bytes;
      if (unpacked > limits.unpackedBytes) throw unreadable(`it unpacks to more than ${limits.unpackedBytes} bytes`);
      if (unpacked > limits.ratioFrom && unpacked > limits.ratio * packedRead())
        throw unreadable(`it unpacks to more than ${limits.ratio} times its size`);
    },
    file(name, head) {
      const { path, key } = pathOf(name, head.part);
      if (head.size > limits.entryBytes)
        throw unreadable(`an entry of ${head.size} bytes, more than ${limits.entryBytes}: ${path}`);
      const keep = options.keep(path, head.part);
      kept += keep ? head.size : 0;
      if (keep && (head.size > limits.keptEntryBytes || kept > limits.keptBytes))
        throw unreadable(`an entry that has to be held has too many bytes: ${path} with ${head.size}`);
      return fileBody(path, head, options.digests, keep, (file) => add(key, file));
    },
    hardLink(name, target, part) {
      const { path, key } = pathOf(name, part);
      const original = byPath.get(keyOf(part, entryPath(target, limits.pathBytes)));
      if (original?.kind === "file" || original?.kind === "hard-link")
        add(key, { ...original, kind: "hard-link", path, target: original.target ?? original.path });
      // A hard link to a symbolic link is one more symbolic link.
      else if (original?.kind === "symlink") add(key, { ...original, path });
      else throw unreadable(`${path}: a hard link to ${pathText(target)}, which does not stand before it`);
    },
    symlink(name, target, part) {
      const { path, key } = pathOf(name, part);
      if (target.length === 0 || target.length > limits.pathBytes || target.includes(0))
        throw unreadable(`${path}: a symbolic link whose target is empty, too long or has a NUL byte`);
      add(key, { kind: "symlink", path, target: pathText(target), ...inPart(part) });
    },
    folder: (name, mode, part) => {
      const { path, key } = pathOf(name, part);
      add(key, { kind: "folder", path, mode: mode & permissions, ...inPart(part) });
    },
    other: (name, mode, part) => {
      const { path, key } = pathOf(name, part);
      add(key, { kind: "other", path, mode: mode & permissions, ...inPart(part) });
    },
    finish() {
      requireFolders(byPath);
      return [...byPath.values()];
    },
  };
}

const permissions = 0o7777;
const keyOf = (part: string | undefined, path: string): string => `${part ?? ""}/${path}`;
const inPart = (part: string | undefined): { readonly part?: string } => (part === undefined ? {} : { part });

function fileBody(
  path: string,
  head: FileHead,
  extra: readonly ExtraDigest[],
  keep: boolean,
  add: (file: ArchivedFile) => void,
): FileBody {
  const hashes: { readonly name: ExtraDigest; readonly hash: Hash }[] = [];
  for (const name of extra) hashes.push({ name, hash: createHash(name) });
  const pieces: Uint8Array[] = [];
  let whole: Hash | undefined;
  let digest: string | undefined;
  let size = 0;
  return {
    take(piece) {
      size += piece.length;
      if (size > head.size) throw unreadable(`${path} has more bytes than the archive says`);
      // Most files lie whole in one piece: one call, no object for it.
      if (whole === undefined && piece.length === head.size) digest = hash("sha256", piece, "hex");
      else (whole ??= createHash("sha256")).update(piece);
      for (const { hash } of hashes) hash.update(piece);
      if (keep) pieces.push(Uint8Array.from(piece));
    },
    close() {
      if (size !== head.size) throw unreadable(`${path} has fewer bytes than the archive says`);
      const sha256 = digest ?? whole?.digest("hex") ?? hash("sha256", new Uint8Array(0), "hex");
      add({
        kind: "file",
        path,
        ...inPart(head.part),
        size,
        mode: head.mode & permissions,
        sha256: sha256 as Sha256,
        digests: Object.fromEntries(hashes.map(({ name, hash }) => [name, hash.digest("hex")])),
        ...(keep ? { bytes: joined(pieces) } : {}),
      });
    },
  };
}

/** An entry below a link or a file of the same archive would be unpacked somewhere else than it says. */
function requireFolders(byPath: ReadonlyMap<string, ArchiveEntry>): void {
  const good = new Set<string>();
  for (const key of byPath.keys())
    for (let end = key.lastIndexOf("/"); end > 0; end = key.lastIndexOf("/", end - 1)) {
      const parent = key.slice(0, end);
      if (good.has(parent)) break;
      const entry = byPath.get(parent);
      if (entry !== undefined && entry.kind !== "folder")
        throw unreadable(`${key.slice(key.indexOf("/") + 1)} lies below ${entry.path}, which is no folder`);
      good.add(parent);
    }
}
