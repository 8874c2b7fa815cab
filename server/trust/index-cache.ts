import { createHash, hash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { Delivery, Fetch } from "./fetch.ts";

export type CachedIndex =
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "contradicted"; readonly says: string }
  | Exclude<Delivery, { kind: "delivered" | "unchanged" }>;

/** Indices as the archive serves them, kept on disk by their signed digest: what is held need not be fetched again. */
export interface IndexCache {
  load(
    file: { readonly sha256: Sha256; readonly size: number },
    urls: readonly URL[],
    signal: AbortSignal,
  ): Promise<CachedIndex>;
}

const maxFolderBytes = 2 * 2 ** 30;

export function openIndexCache(folder: string, fetch: Fetch): IndexCache {
  return {
    async load(file, urls, signal) {
      const path = join(folder, file.sha256);
      const held = await readFile(path).catch(() => undefined);
      // The digest is checked on every read: a cache is a convenience, not a source of trust.
      if (held !== undefined && hash("sha256", held, "hex") === file.sha256) {
        await utimes(path, new Date(), new Date()).catch(() => undefined);
        return { kind: "bytes", bytes: held };
      }
      const fetched = await fetchFirst(fetch, file, urls, signal);
      if (fetched.kind === "bytes") await keep(folder, path, fetched.bytes);
      return fetched;
    },
  };
}

async function fetchFirst(
  fetch: Fetch,
  file: { readonly sha256: Sha256; readonly size: number },
  urls: readonly URL[],
  signal: AbortSignal,
): Promise<CachedIndex> {
  let last: CachedIndex = { kind: "absent", says: "the index has no address" };
  for (const url of urls) {
    let chunks: Buffer[] = [];
    let digest = createHash("sha256");
    const open = () => {
      chunks = [];
      digest = createHash("sha256");
      return (chunk: Buffer): void => {
        chunks.push(chunk);
        digest.update(chunk);
      };
    };
    const delivery = await fetch.get({ url, maxBytes: file.size, signal, open });
    if (delivery.kind === "unchanged") continue;
    if (delivery.kind !== "delivered") last = delivery;
    else if (delivery.bytes === file.size && digest.digest("hex") === file.sha256)
      return { kind: "bytes", bytes: Buffer.concat(chunks) };
    else
      last = {
        kind: "contradicted",
        says: `${url.pathname} differs from the size or SHA-256 that the signed Release lists`,
      };
  }
  return last;
}

async function keep(folder: string, path: string, bytes: Buffer): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${process.pid}.part`;
  await writeFile(unfinished, bytes, { mode: 0o600 });
  await rename(unfinished, path);
  await prune(folder);
}

/** The least recently used go first once the folder is full. */
async function prune(folder: string): Promise<void> {
  const files: { readonly path: string; readonly size: number; readonly usedAt: number }[] = [];
  for (const name of await readdir(folder)) {
    const about = await stat(join(folder, name)).catch(() => undefined);
    if (about !== undefined) files.push({ path: join(folder, name), size: about.size, usedAt: about.mtimeMs });
  }
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of files.sort((a, b) => a.usedAt - b.usedAt)) {
    if (total <= maxFolderBytes) return;
    await rm(path, { force: true });
    total -= size;
  }
}
