import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { ByteSource } from "@provost/shared/self-claims/elf.ts";

/**
 * Hands an opened file to a reader that asks for pieces of it, and closes it. Undefined where it cannot be read: whoever hashes the
 * same file says why.
 */
export function withSource<T>(path: string | Buffer, use: (source: ByteSource) => T): T | undefined {
  let handle: number | undefined;
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    return use(sourceOf(handle, fstatSync(handle).size));
  } catch {
    return undefined;
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

const sourceOf = (handle: number, size: number): ByteSource => ({
  size,
  read(offset, length) {
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
    let filled = 0;
    while (filled < bytes.length) {
      const got = readSync(handle, bytes, filled, bytes.length - filled, offset + filled);
      if (got === 0) break;
      filled += got;
    }
    return bytes.subarray(0, filled);
  },
});
