/** Every bound on what an archive may make its reader do. What is beyond one is refused, and the archive proves nothing. */
export interface ContainerLimits {
  readonly entries: number;
  /** Bytes of one name or link target. */
  readonly pathBytes: number;
  readonly entryBytes: number;
  /** All entries together, and all that comes out of one decompressor. */
  readonly unpackedBytes: number;
  /** Unpacked bytes per byte of the archive that was read, judged once more than `ratioFrom` bytes came out. */
  readonly ratio: number;
  readonly ratioFrom: number;
  /** What has to be held at once to understand the archive: a zip's directory, an rpm's header, a tar's pax records. */
  readonly headerBytes: number;
  /** Of entries whose bytes the caller asked to keep: each, and together. */
  readonly keptEntryBytes: number;
  readonly keptBytes: number;
}

/** Debian's largest package unpacks to some 5 GiB and its fullest has some 150,000 entries. */
export const containerLimits: ContainerLimits = {
  entries: 300_000,
  pathBytes: 4096,
  entryBytes: 8 * 2 ** 30,
  unpackedBytes: 16 * 2 ** 30,
  ratio: 500,
  ratioFrom: 64 * 2 ** 20,
  headerBytes: 64 * 2 ** 20,
  keptEntryBytes: 16 * 2 ** 20,
  keptBytes: 64 * 2 ** 20,
};
