import { createHash, type Hash } from "node:crypto";
import type { Pieces, RandomAccess } from "../../containers/archive.ts";
import { containerLimits } from "../../containers/limits.ts";
import type { FileBody, FileHead, Listing, ReadOptions } from "../../containers/options.ts";
import { readZip } from "../../containers/zip/read-zip.ts";
import { unreadable, unsupported } from "../../refusal.ts";
import { isSignatureRelated, manifestName, maxSignatureBytes } from "./signature-files.ts";
import type { StrongDigest } from "./strong-digests.ts";

/** What lies in a jar: every file under the very name it has in the archive, which is what its manifest names. */
export interface JarEntries {
  readonly files: ReadonlyMap<string, JarFile>;
  /** The manifest and what signs it, by upper-case name: Java finds these in any spelling. */
  readonly signatureFiles: ReadonlyMap<string, Uint8Array>;
}

export interface JarFile {
  readonly digests: Readonly<Partial<Record<StrongDigest, Buffer>>>;
}

/** Throws a Refusal for an archive that two readers could read in two ways, or that has bytes which belong to no entry. */
export async function jarEntries(bytes: Uint8Array): Promise<JarEntries> {
  const files = new Map<string, JarFile>();
  const signatureFiles = new Map<string, Uint8Array>();
  let unpacked = 0;
  let held = 0;

  function body(name: string, size: number): FileBody {
    if (files.has(name) || signatureFiles.has(name.toUpperCase())) throw unreadable(`the entry ${name} twice`);
    if (files.size === maxEntries) throw unreadable(`more than ${maxEntries} entries`);
    if (!isSignatureRelated(name))
      return digesting(algorithmsIn(signatureFiles.get(manifestName)), (file) => files.set(name, file));
    held += size;
    if (held > maxSignatureBytes) throw unreadable(`its signature files are larger than ${maxSignatureBytes} bytes`);
    return holding(size, (whole) => signatureFiles.set(name.toUpperCase(), whole));
  }

  const listing: Listing = {
    options,
    unpacked(count) {
      unpacked += count;
      if (unpacked > maxUnpackedBytes) throw unreadable(`it unpacks to more than ${maxUnpackedBytes} bytes`);
      if (unpacked > ratioFrom && unpacked > maxRatio * bytes.length)
        throw unreadable(`it unpacks to more than ${maxRatio} times its size`);
    },
    file: (path: Uint8Array, head: FileHead) => body(nameOf(path), head.size),
    folder: () => undefined,
    hardLink: notAFile,
    symlink: notAFile,
    other: notAFile,
  };
  await readZip(source(bytes), once(bytes), listing);
  return { files, signatureFiles };
}

export const maxEntries = 100_000;
export const maxUnpackedBytes = 2 * 2 ** 30;
/** Class files shrink to a half or a third; what grows more than this is no jar but a bomb. */
export const maxRatio = 100;
const ratioFrom = 8 * 2 ** 20;

const options: ReadOptions = {
  limits: { ...containerLimits, entries: maxEntries + maxEntries / 2, unpackedBytes: maxUnpackedBytes },
  digests: [],
  keep: () => false,
  decompressors: {},
  signal: new AbortController().signal,
};

function nameOf(path: Uint8Array): string {
  if (path.includes(0)) throw unreadable("an entry has a NUL in its name");
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(path);
}

function notAFile(): never {
  throw unsupported("a jar with links in it is not read: Java and other tools would see two contents");
}

/** jarsigner puts the manifest first; for what stands before it, all are computed. */
function algorithmsIn(manifest: Uint8Array | undefined): readonly StrongDigest[] {
  const all = ["sha256", "sha384", "sha512"] as const;
  if (manifest === undefined) return all;
  const text = Buffer.from(manifest.buffer, manifest.byteOffset, manifest.byteLength).toString("latin1");
  return all.filter((one) => new RegExp(`sha-?${one.slice(3)}-digest`, "i").test(text));
}

function digesting(algorithms: readonly StrongDigest[], done: (file: JarFile) => void): FileBody {
  const hashes: readonly (readonly [StrongDigest, Hash])[] = algorithms.map((one) => [one, createHash(one)]);
  return {
    take: (piece) => hashes.forEach(([, hash]) => hash.update(piece)),
    close: () => done({ digests: Object.fromEntries(hashes.map(([name, hash]) => [name, hash.digest()])) }),
  };
}

function holding(size: number, done: (whole: Uint8Array) => void): FileBody {
  const pieces: Uint8Array[] = [];
  let held = 0;
  return {
    take(piece) {
      held += piece.length;
      if (held > size) throw unreadable("an entry has more bytes than the archive says");
      pieces.push(Uint8Array.from(piece));
    },
    close: () => done(Buffer.concat(pieces)),
  };
}

const source = (bytes: Uint8Array): RandomAccess => ({
  size: bytes.length,
  read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
});

async function* once(bytes: Uint8Array): Pieces {
  yield await Promise.resolve(bytes);
}
