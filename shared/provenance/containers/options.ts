import type { ContainerId, ExtraDigest, Pieces, RandomAccess } from "./archive.ts";
import type { ContainerLimits } from "./limits.ts";

/** How an archive is to be read. Nothing here can make more of it than it is. */
export interface ReadOptions {
  readonly limits: ContainerLimits;
  /** Beside SHA-256, of every file. */
  readonly digests: readonly ExtraDigest[];
  /** Whether the bytes of this file are to be kept, within `keptEntryBytes` and `keptBytes`. */
  keep(path: string, part: string | undefined): boolean;
  readonly decompressors: Decompressors;
  readonly signal: AbortSignal;
}

/** What cannot be unpacked in pure code comes from the edge. One that is missing leaves its archives unsupported. */
export type Decompressors = Readonly<Partial<Record<OuterPacking, Decompress>>>;
export const outerPackings = ["xz", "zstd", "bzip2", "lzma"] as const;
export type OuterPacking = (typeof outerPackings)[number];
export type Packing = OuterPacking | "gzip" | "none";

/** Throws where the packed bytes are damaged, cut short, or followed by others. Its pieces stay small; who calls it counts them. */
export type Decompress = (packed: Pieces, signal: AbortSignal) => Pieces;

/** One kind of archive: one folder, one line in index.ts. It reads all of it or throws a Refusal. */
export type Container = {
  readonly id: ContainerId;
  /** By its first bytes alone: a name is anybody's choice, and one file must not be two archives. */
  recognises(head: Uint8Array): boolean;
} & (
  | { readonly from: "stream"; read(pieces: Pieces, reading: Listing): Promise<void> }
  | { readonly from: "random-access"; read(source: RandomAccess, pieces: Pieces, reading: Listing): Promise<void> }
);

/** Where a container puts what it finds; see listing.ts. */
export interface Listing {
  readonly options: ReadOptions;
  /** Counts what came out of a decompressor against the bounds on bytes and ratio. */
  unpacked(bytes: number): void;
  file(path: Uint8Array, head: FileHead): FileBody;
  hardLink(path: Uint8Array, target: Uint8Array, part?: string): void;
  symlink(path: Uint8Array, target: Uint8Array, part?: string): void;
  folder(path: Uint8Array, mode: number, part?: string): void;
  other(path: Uint8Array, mode: number, part?: string): void;
}

export interface FileHead {
  readonly size: number;
  readonly mode: number;
  readonly part?: string | undefined;
}

/** Exactly `size` bytes are taken, then it is closed. */
export interface FileBody {
  take(piece: Uint8Array): void;
  close(): void;
}
