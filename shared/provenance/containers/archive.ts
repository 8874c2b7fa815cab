import type { Sha256 } from "../../model/ids.ts";

/** What lies in an archive, and the digests of the very bytes it was read from. Only an archive read to its end has contents. */
export interface ArchiveContents {
  readonly container: ContainerId;
  readonly sha256: Sha256;
  readonly sha512: string;
  readonly size: number;
  readonly entries: readonly ArchiveEntry[];
}

export const containerIds = ["deb", "gem", "rpm", "tar", "zip"] as const;
export type ContainerId = (typeof containerIds)[number];

/**
 * One entry as the archive names it, without a leading "./" or a trailing "/": "usr/bin/grep", "package/index.js". `part` says which of
 * several trees it lies in: a .deb has "control" and "data".
 */
export type ArchiveEntry =
  | ArchivedFile
  | { readonly kind: "symlink"; readonly path: string; readonly part?: string; readonly target: string }
  | { readonly kind: "folder" | "other"; readonly path: string; readonly part?: string; readonly mode: number };

/** A hard link is a file of its own with the bytes of its target, which stands before it in the archive. */
export interface ArchivedFile {
  readonly kind: "file" | "hard-link";
  readonly path: string;
  readonly part?: string;
  readonly size: number;
  readonly mode: number;
  readonly sha256: Sha256;
  readonly digests: Readonly<Partial<Record<ExtraDigest, string>>>;
  /** Set for a hard link. */
  readonly target?: string;
  /** Set where the caller asked to keep them. */
  readonly bytes?: Uint8Array;
}

export const extraDigests = ["md5", "sha1", "sha384", "sha512"] as const;
export type ExtraDigest = (typeof extraDigests)[number];

export type ArchiveReading =
  | { readonly ok: true; readonly contents: ArchiveContents }
  | ({ readonly ok: false } & Unread);

/** `unreadable`: damaged, or two readers would see two contents. `unsupported`: a form, or a tool, that is not there. */
export interface Unread {
  readonly basis: "unreadable" | "unsupported" | "deadline";
  readonly why: string;
}

/** Bytes that may be read anywhere, again and again. Fewer than asked for come only where the archive ends. */
export interface RandomAccess {
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

export type Pieces = AsyncIterable<Uint8Array>;
