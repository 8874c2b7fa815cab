import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Codec } from "@provost/shared/protocol/pack.ts";

export const zstd: Codec = {
  compress: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
  decompress: (bytes, maxBytes) => zstdDecompressSync(bytes, { maxOutputLength: maxBytes }),
};
