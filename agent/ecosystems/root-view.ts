import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { pathBytes, pathText, safeText } from "@provost/shared/lib/path-text.ts";
import type { InventoryProblem } from "@provost/shared/model/inventory.ts";

export interface Refusal {
  readonly kind: "refused";
  readonly basis: InventoryProblem["basis"];
  readonly why: string;
}
export type Missing = { readonly kind: "absent" } | Refusal;
export interface FolderEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "other";
}
export interface FileStatus {
  readonly kind: FolderEntry["kind"];
  readonly size: number;
  readonly mtimeMs: number;
}
export type HashName = "md5" | "sha1" | "sha256" | "sha384" | "sha512";

/**
 * Reads below one root as if chrooted into it: every symlink is resolved by hand inside the root, what is opened is a regular
 * file of bounded size, and paths are path text. It remembers where folders lead, so it lives for one pass only.
 */
export interface RootView {
  readonly root: string;
  read(path: string, maxBytes: number): { readonly kind: "bytes"; readonly bytes: Uint8Array } | Missing;
  /** The first bytes of a file of any size. */
  head(path: string, bytes: number): { readonly kind: "bytes"; readonly bytes: Uint8Array } | Missing;
  /** The file piece by piece, for formats whose reader bounds each line itself. A piece is valid until the next one. */
  chunks(path: string): { readonly kind: "chunks"; readonly chunks: Iterable<Uint8Array> } | Missing;
  list(
    path: string,
    maxEntries: number,
  ): { readonly kind: "entries"; readonly entries: readonly FolderEntry[] } | Missing;
  /** The real path inside the root. */
  real(path: string): { readonly kind: "real"; readonly path: string } | Missing;
  /** What lies at `path` once symlinks are followed. */
  status(path: string): ({ readonly found: true } & FileStatus) | { readonly found: false };
  hash(
    path: string,
    names: readonly HashName[],
    maxBytes: number,
  ): { readonly kind: "hashes"; readonly hex: ReadonlyMap<HashName, string> } | Missing;
}

export function openRoot(root: string): RootView {
  const place: Place = { root: root === "/" ? "" : root, seen: new Map() };
  return {
    root: place.root,
    read: (path, maxBytes) => withFile(place, path, (fd, size) => readWhole(fd, size, maxBytes)),
    head: (path, bytes) => withFile(place, path, (fd, size) => readWhole(fd, Math.min(size, bytes), bytes)),
    chunks: (path) => openChunks(place, path),
    list: (path, maxEntries) => listFolder(place, path, maxEntries),
    real: (path) => {
      const found = resolve(place, path, { left: MAX_LINKS });
      return found.kind === "real" ? { kind: "real", path: found.path } : found;
    },
    status: (path) => statusOf(place, path),
    hash: (path, names, maxBytes) => withFile(place, path, (fd, size) => hashWhole(fd, size, names, maxBytes)),
  };
}

export const problemOf = (path: string, refusal: Refusal): InventoryProblem => ({
  path,
  basis: refusal.basis,
  why: refusal.why,
});

interface Place {
  readonly root: string;
  readonly seen: Map<string, Resolved>;
}
type Resolved = { readonly kind: "real"; readonly path: string; readonly stat?: fs.Stats } | Missing;

// As Linux: path_resolution(7) allows 40 symlinks.
const MAX_LINKS = 40;
const MAX_PATH = 16_384;
const MAX_REMEMBERED = 100_000;
const PIECE = 256 * 1024;
const ABSENT: Missing = { kind: "absent" };

function withFile<T>(place: Place, path: string, use: (fd: number, size: number) => T | Refusal): T | Missing {
  const opened = openFile(place, path);
  if (opened.kind !== "open") return opened;
  try {
    return use(opened.fd, opened.size);
  } catch (error) {
    return failure(error);
  } finally {
    fs.closeSync(opened.fd);
  }
}

function openFile(place: Place, path: string): { kind: "open"; fd: number; size: number } | Missing {
  const found = resolve(place, path, { left: MAX_LINKS });
  if (found.kind !== "real") return found;
  // Looked at before it is opened: opening a device or a FIFO can already do something.
  if (found.stat?.isFile() !== true) return refused("unsupported", "not a regular file");
  let fd: number;
  try {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = fs.constants;
    fd = fs.openSync(hostPath(place, found.path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  } catch (error) {
    return failure(error);
  }
  const now = fs.fstatSync(fd);
  if (now.isFile() && now.ino === found.stat.ino && now.dev === found.stat.dev)
    return { kind: "open", fd, size: now.size };
  fs.closeSync(fd);
  return refused("unreadable", "it was exchanged while it was being opened");
}

function readWhole(fd: number, size: number, maxBytes: number): { kind: "bytes"; bytes: Uint8Array } | Refusal {
  if (size > maxBytes) return refused("unsupported", `larger than ${maxBytes} bytes`);
  const bytes = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  while (filled < size) {
    const got = fs.readSync(fd, bytes, filled, size - filled, null);
    if (got === 0) break;
    filled += got;
  }
  return { kind: "bytes", bytes: bytes.subarray(0, filled) };
}

function hashWhole(fd: number, size: number, names: readonly HashName[], maxBytes: number) {
  if (size > maxBytes) return refused("unsupported", `larger than ${maxBytes} bytes`);
  const hashes = names.map((name) => [name, createHash(name)] as const);
  for (const piece of pieces(fd)) for (const [, hash] of hashes) hash.update(piece);
  return { kind: "hashes" as const, hex: new Map(hashes.map(([name, hash]) => [name, hash.digest("hex")])) };
}

function openChunks(place: Place, path: string): { kind: "chunks"; chunks: Iterable<Uint8Array> } | Missing {
  const opened = openFile(place, path);
  return opened.kind === "open" ? { kind: "chunks", chunks: piecesThenClose(opened.fd) } : opened;
}

function* piecesThenClose(fd: number): Generator<Uint8Array> {
  try {
    yield* pieces(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function* pieces(fd: number): Generator<Uint8Array> {
  const piece = Buffer.allocUnsafeSlow(PIECE);
  for (let got = fs.readSync(fd, piece); got > 0; got = fs.readSync(fd, piece)) yield piece.subarray(0, got);
}

function listFolder(
  place: Place,
  path: string,
  maxEntries: number,
): { kind: "entries"; entries: FolderEntry[] } | Missing {
  const found = resolve(place, path, { left: MAX_LINKS });
  if (found.kind !== "real") return found;
  const entries: FolderEntry[] = [];
  try {
    const folder = fs.opendirSync(hostPath(place, found.path), { bufferSize: 512 });
    try {
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
        // A name that is not UTF-8 lost its bytes here: the whole folder is read again as bytes.
        if (entry.name.includes("\ufffd")) return listBytes(place, found.path, maxEntries);
        if (entries.length >= maxEntries) return refused("unsupported", `more than ${maxEntries} entries`);
        entries.push({ name: safeText(entry.name), kind: kindOf(entry) });
      }
    } finally {
      folder.closeSync();
    }
  } catch (error) {
    return failure(error);
  }
  return { kind: "entries", entries };
}

function listBytes(
  place: Place,
  real: string,
  maxEntries: number,
): { kind: "entries"; entries: FolderEntry[] } | Refusal {
  const entries = fs.readdirSync(hostPath(place, real), { encoding: "buffer", withFileTypes: true });
  if (entries.length > maxEntries) return refused("unsupported", `more than ${maxEntries} entries`);
  return { kind: "entries", entries: entries.map((entry) => ({ name: pathText(entry.name), kind: kindOf(entry) })) };
}

function statusOf(place: Place, path: string): ({ found: true } & FileStatus) | { found: false } {
  const found = resolve(place, path, { left: MAX_LINKS });
  if (found.kind !== "real" || found.stat === undefined) return { found: false };
  return { found: true, kind: kindOf(found.stat), size: found.stat.size, mtimeMs: found.stat.mtimeMs };
}

const kindOf = (entry: fs.Stats | fs.Dirent<string | Buffer<ArrayBuffer>>): FolderEntry["kind"] =>
  entry.isFile() ? "file" : entry.isDirectory() ? "folder" : entry.isSymbolicLink() ? "link" : "other";

/** path_resolution(7) by hand: each component is looked at without following, and ".." never climbs out of the root. */
function resolve(place: Place, path: string, links: { left: number }): Resolved {
  if (path === "/" || path === "") return { kind: "real", path: "/" };
  if (path.length > MAX_PATH) return refused("unsupported", "a path that is too long");
  const known = place.seen.get(path);
  if (known !== undefined) return known;
  const slash = path.lastIndexOf("/");
  const folder = resolve(place, path.slice(0, Math.max(0, slash)), links);
  if (folder.kind !== "real") return folder;
  const found = step(place, folder.path, path.slice(slash + 1), links);
  // Only where folders lead is worth remembering; files are asked for once.
  if (found.kind === "real" && found.stat?.isDirectory() === true) remember(place, path, found);
  return found;
}

function step(place: Place, folder: string, name: string, links: { left: number }): Resolved {
  if (name === "" || name === ".") return resolve(place, folder, links);
  if (name === "..") return resolve(place, folder.slice(0, Math.max(0, folder.lastIndexOf("/"))), links);
  const path = folder === "/" ? `/${name}` : `${folder}/${name}`;
  try {
    const host = hostPath(place, path);
    const stat = fs.lstatSync(host, { throwIfNoEntry: false });
    if (stat === undefined) return ABSENT;
    if (!stat.isSymbolicLink()) return { kind: "real", path, stat };
    links.left -= 1;
    if (links.left < 0) return refused("unreadable", "a symlink loop");
    const target = pathText(fs.readlinkSync(host, "buffer"));
    return resolve(place, target.startsWith("/") ? target : `${folder === "/" ? "" : folder}/${target}`, links);
  } catch (error) {
    return failure(error);
  }
}

function remember(place: Place, path: string, found: Resolved): void {
  if (place.seen.size >= MAX_REMEMBERED) place.seen.clear();
  place.seen.set(path, found);
}

function hostPath(place: Place, path: string): string | Buffer {
  const whole = `${place.root}${path}`;
  if (!whole.includes("\\")) return whole;
  const bytes = pathBytes(whole);
  if (bytes === undefined) throw new TypeError("text that is no path text");
  return Buffer.from(bytes);
}

const refused = (basis: Refusal["basis"], why: string): Refusal => ({ kind: "refused", basis, why });

function failure(error: unknown): Missing {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT" || code === "ENOTDIR") return ABSENT;
  if (code === "ELOOP") return refused("unreadable", "it became a symlink while it was being opened");
  return refused("unreadable", reasons[code] ?? `it could not be read (${code || "no path"})`);
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "a folder where a file was expected",
  ENAMETOOLONG: "a name that is too long",
  EIO: "the disk could not read it",
};
