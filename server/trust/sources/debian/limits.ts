/** Every bound on what an archive or a .deb may make the server do. */
export interface DebLimits {
  /** Bytes after decompression, of one member (control.tar, data.tar). */
  readonly unpackedBytes: number;
  /** Unpacked bytes per packed byte, judged once more than `ratioFrom` bytes came out. */
  readonly ratio: number;
  readonly ratioFrom: number;
  readonly entries: number;
  readonly nameBytes: number;
  readonly fileBytes: number;
  /** Together, of the files of control.tar that are kept to be read. */
  readonly controlBytes: number;
  readonly decompressorMiB: number;
  readonly milliseconds: number;
}

/** Debian's largest package unpacks to some 5 GiB and its fullest has some 150,000 entries. */
export const debLimits: DebLimits = {
  unpackedBytes: 16 * 2 ** 30,
  ratio: 500,
  ratioFrom: 64 * 2 ** 20,
  entries: 300_000,
  nameBytes: 4096,
  fileBytes: 8 * 2 ** 30,
  controlBytes: 64 * 2 ** 20,
  decompressorMiB: 128,
  milliseconds: 15 * 60_000,
};

/** Signed metadata. Debian's InRelease is 150 KB and its Packages 50 MB unpacked. */
export const indexLimits = {
  releaseBytes: 16 * 2 ** 20,
  signatureBytes: 2 ** 20,
  packedIndexBytes: 256 * 2 ** 20,
  unpackedIndexBytes: 2 * 2 ** 30,
  stanzaBytes: 2 ** 20,
  keyringBytes: 4 * 2 ** 20,
  keys: 500,
};
