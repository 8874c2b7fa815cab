import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Receive } from "./fetch.ts";

/** Folders of .deb files beside the network, such as apt's own cache. Their bytes count for nothing until they are hashed. */
export interface LocalArchives {
  /** Streams a file that may be the wanted one. False when there is none of that name and size. */
  read(names: readonly string[], size: number, receive: Receive, signal: AbortSignal): Promise<boolean>;
}

const chunkBytes = 1 << 20;
const maxListed = 500_000;

export function openLocalArchives(folders: readonly string[]): LocalArchives {
  const listings = new Map<string, Promise<ReadonlySet<string>>>();
  return {
    async read(names, size, receive, signal) {
      for (const folder of folders) {
        const listing = listings.get(folder) ?? list(folder);
        listings.set(folder, listing);
        const present = await listing;
        for (const name of names)
          if (present.has(name) && (await stream(join(folder, name), size, receive, signal))) return true;
      }
      return false;
    },
  };
}

/** Listed once per start: a file that appears later is fetched from the archive instead. */
async function list(folder: string): Promise<ReadonlySet<string>> {
  try {
    return new Set((await readdir(folder)).slice(0, maxListed));
  } catch {
    return new Set();
  }
}

async function stream(path: string, size: number, receive: Receive, signal: AbortSignal): Promise<boolean> {
  const handle = await open(path, "r").catch(() => undefined);
  if (handle === undefined) return false;
  try {
    const about = await handle.stat();
    if (!about.isFile() || about.size !== size) return false;
    for (let at = 0; at < size && !signal.aborted;) {
      // Own memory for each chunk: the decompressor may still hold the one before.
      const { bytesRead, buffer } = await handle.read(
        Buffer.allocUnsafeSlow(Math.min(chunkBytes, size - at)),
        0,
        undefined,
        at,
      );
      if (bytesRead === 0) return true;
      at += bytesRead;
      await receive(buffer.subarray(0, bytesRead));
    }
    return true;
  } finally {
    await handle.close();
  }
}
