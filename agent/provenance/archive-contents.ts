import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { FileIdentity } from "@provost/shared/model/inventory.ts";
import type { ArchiveContents, RandomAccess, Unread } from "@provost/shared/provenance/containers/archive.ts";
import type { ReadOptions } from "@provost/shared/provenance/containers/options.ts";
import { readArchive } from "@provost/shared/provenance/containers/read-archive.ts";
import { identityOf, openWhy, sameIdentity } from "../identity/hash.ts";
import { decompressors } from "./decompressors.ts";

export type ArchiveOnDisk =
  | { readonly ok: true; readonly contents: ArchiveContents; readonly identity: FileIdentity }
  | ({ readonly ok: false } & Unread);

/**
 * What lies in an archive on this disk. As with hashFile, identity is taken from the open handle before and after: a listing is only ever paired with
 * the identity of bytes that did not change meanwhile.
 */
export async function archiveOnDisk(
  path: string | Buffer,
  options: Partial<Omit<ReadOptions, "decompressors">> & Pick<ReadOptions, "signal">,
): Promise<ArchiveOnDisk> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    return unread(openWhy(cause));
  }
  try {
    const before = await handle.stat();
    if (!before.isFile()) return unread("it is not a regular file");
    const reading = await readArchive(onDisk(handle, before.size), { ...options, decompressors });
    const after = await handle.stat();
    if (!sameIdentity(identityOf(before), identityOf(after)) || before.mtimeMs !== after.mtimeMs)
      return unread("it changed while it was being read");
    return reading.ok ? { ...reading, identity: identityOf(after) } : reading;
  } catch (cause) {
    return unread(openWhy(cause));
  } finally {
    await handle.close();
  }
}

const unread = (why: string): ArchiveOnDisk => ({ ok: false, basis: "unreadable", why });

const onDisk = (handle: FileHandle, size: number): RandomAccess => ({
  size,
  async read(offset, length) {
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    while (at < length) {
      const { bytesRead } = await handle.read(bytes, at, length - at, offset + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return bytes.subarray(0, at);
  },
});
