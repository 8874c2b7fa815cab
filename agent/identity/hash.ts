import { createHash } from "node:crypto";
import type { BigIntStats, PathLike, Stats } from "node:fs";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { FileIdentity } from "@provost/shared/model/inventory.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";

export type Algorithm = "md5" | "sha1" | "sha256" | "sha384" | "sha512";

export type Hashed =
  | {
      readonly ok: true;
      readonly sha256: Sha256;
      readonly others: ReadonlyMap<Algorithm, string>;
      readonly identity: FileIdentity;
      readonly bytes: number;
    }
  | { readonly ok: false; readonly why: string };

export interface HashLimits {
  /** Larger files are not read; the owner may raise it. */
  readonly maxBytes: number;
  /** How often a file that changes while it is read is tried again. */
  readonly tries: number;
}

export const hashLimits: HashLimits = { maxBytes: 4 * 1024 ** 3, tries: 3 };

/**
 * SHA-256 (and what else is asked) of a regular file, streamed through one buffer. The identity is taken from the open
 * handle before and after: a digest is only ever paired with the identity of bytes that did not change meanwhile.
 */
export function hashFile(path: PathLike, others: ReadonlySet<Algorithm>, limits: HashLimits = hashLimits): Hashed {
  let handle: number;
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    return { ok: false, why: openWhy(cause) };
  }
  try {
    return hashHandle(handle, others, limits);
  } catch (cause) {
    return { ok: false, why: openWhy(cause) };
  } finally {
    closeSync(handle);
  }
}

export function hashHandle(handle: number, others: ReadonlySet<Algorithm>, limits: HashLimits = hashLimits): Hashed {
  for (let attempt = 0; attempt < limits.tries; attempt += 1) {
    const before = fstatSync(handle);
    if (!before.isFile()) return { ok: false, why: "it is not a regular file" };
    if (before.size > limits.maxBytes)
      return { ok: false, why: `it has ${before.size} bytes, more than the limit of ${limits.maxBytes} for hashing` };
    const digests = digest(handle, others, before.size);
    const after = fstatSync(handle);
    if (same(before, after) && digests.bytes === after.size)
      return {
        ok: true,
        sha256: digests.sha256,
        others: digests.others,
        identity: identityOf(after),
        bytes: digests.bytes,
      };
  }
  return { ok: false, why: "it kept changing while it was being read" };
}

export const identityOf = (stats: Stats): FileIdentity => ({
  dev: stats.dev,
  ino: stats.ino,
  size: stats.size,
  ctimeMs: stats.ctimeMs,
});

export const identityOfBig = (stats: BigIntStats): FileIdentity => ({
  dev: Number(stats.dev),
  ino: Number(stats.ino),
  size: Number(stats.size),
  ctimeMs: Number(stats.ctimeNs) / 1e6,
});

export const sameIdentity = (a: FileIdentity, b: FileIdentity): boolean =>
  a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.ctimeMs === b.ctimeMs;

const same = (a: Stats, b: Stats): boolean => sameIdentity(identityOf(a), identityOf(b)) && a.mtimeMs === b.mtimeMs;

const bufferBytes = 1024 * 1024;
let lastBuffer: WeakRef<Buffer> | undefined;

/** One for all files that are hashed one after another; a daemon that hashes nothing for a while does not hold it. */
function takeBuffer(): Buffer {
  const held = lastBuffer?.deref();
  if (held !== undefined) return held;
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  lastBuffer = new WeakRef(buffer);
  return buffer;
}

function digest(handle: number, others: ReadonlySet<Algorithm>, size: number) {
  const buffer = takeBuffer();
  const main = createHash("sha256");
  const rest = [...others].filter((name) => name !== "sha256").map((name) => ({ name, hash: createHash(name) }));
  let at = 0;
  // One byte past the expected end is asked for, so that a file that grew is noticed.
  while (at <= size) {
    const read = readSync(handle, buffer, 0, buffer.length, at);
    if (read === 0) break;
    const chunk = read === buffer.length ? buffer : buffer.subarray(0, read);
    main.update(chunk);
    for (const { hash } of rest) hash.update(chunk);
    at += read;
  }
  return {
    sha256: main.digest("hex") as Sha256,
    others: new Map(rest.map(({ name, hash }) => [name, hash.digest("hex")] as const)),
    bytes: at,
  };
}

export function openWhy(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return whys[code] ?? `it cannot be opened (${code === "" ? String(cause) : code})`;
}

const whys: Readonly<Record<string, string>> = {
  EACCES: "this user may not read it",
  EPERM: "this user may not read it",
  ENOENT: "it is gone",
  ELOOP: "symbolic links lead in a circle",
  ENAMETOOLONG: "its path is longer than the kernel takes",
  EIO: "the disk reports an error",
  ETXTBSY: "it is busy",
  ENXIO: "it is not a regular file",
};
