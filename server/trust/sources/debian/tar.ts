import { createHash, type Hash, hash } from "node:crypto";
import { pathText } from "@provost/shared/lib/path-text.ts";
import { type Sha256 } from "@provost/shared/model/ids.ts";
import type { DebLimits } from "./limits.ts";
import { readTarHeader, type TarHeader } from "./tar-header.ts";

export type TarEntry =
  | {
      readonly kind: "file";
      readonly path: string;
      readonly sha256: Sha256;
      readonly size: number;
      readonly mode: number;
      readonly hardLinkTo?: string;
      readonly content?: Buffer;
    }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "other"; readonly path: string };

export type TarReading =
  | { readonly kind: "read"; readonly entries: ReadonlyMap<string, TarEntry> }
  | { readonly kind: "refused"; readonly unsupported: boolean; readonly why: string };

export interface TarReader {
  /** False once the archive is refused: nothing more need be written. */
  write(chunk: Buffer): boolean;
  end(): TarReading;
}

/**
 * Reads a tar archive as dpkg reads it (dpkg's lib/dpkg/tarfn.c): old, ustar and GNU headers with long names. The bytes are
 * hashed where they lie in the chunk; `keep` holds the content of files back (control.tar).
 */
export function readTar(limits: DebLimits, keep: boolean): TarReader {
  const entries = new Map<string, TarEntry>();
  let refusal: { readonly unsupported: boolean; readonly why: string } | undefined;
  let ended = false;
  let left = 0;
  let padding = 0;
  let head: Buffer | undefined;
  let long: { name?: string; target?: string } = {};
  let open: Open | undefined;
  let kept = 0;

  const refuse = (why: string, unsupported = false): void => {
    refusal ??= { unsupported, why };
  };

  const stopped = (): boolean => ended || refusal !== undefined;

  return {
    write(chunk) {
      let at = 0;
      while (at < chunk.length && !stopped()) {
        if (left > 0) at += data(chunk, at);
        else if (padding > 0) at += pad(chunk, at);
        else at += header(chunk, at);
      }
      return refusal === undefined;
    },
    end() {
      if (refusal === undefined && !ended) refuse("truncated: the tar archive has no end");
      if (refusal === undefined) checkParents(entries, refuse);
      return refusal === undefined ? { kind: "read", entries } : { kind: "refused", ...refusal };
    },
  };

  function pad(chunk: Buffer, at: number): number {
    const take = Math.min(padding, chunk.length - at);
    padding -= take;
    return take;
  }

  function data(chunk: Buffer, at: number): number {
    const take = Math.min(left, chunk.length - at);
    left -= take;
    if (open !== undefined) {
      feed(open, chunk.subarray(at, at + take), left === 0);
      if (left === 0) close(open);
    }
    return take;
  }

  function header(chunk: Buffer, at: number): number {
    const missing = 512 - (head?.length ?? 0);
    const part = chunk.subarray(at, at + missing);
    const whole = head === undefined ? part : Buffer.concat([head, part]);
    if (whole.length < 512) {
      head = Buffer.from(whole);
      return part.length;
    }
    head = undefined;
    const reading = readTarHeader(whole);
    if (reading.kind === "end") ended = true;
    else if (reading.kind === "refused") refuse(reading.why, reading.unsupported);
    else begin(reading.header);
    return part.length;
  }

  function begin(header: TarHeader): void {
    if (header.size > limits.fileBytes)
      return refuse(`an entry of ${header.size} bytes, more than ${limits.fileBytes}`);
    if (header.type === "long-name" || header.type === "long-target") {
      if (header.size > limits.nameBytes)
        return refuse(`a name of ${header.size} bytes, more than ${limits.nameBytes}`);
      if (header.size === 0) return refuse("an empty long name");
      left = header.size;
      padding = -header.size & 511;
      open = { header, path: "", chunks: [] };
      return;
    }
    const path = packagedPath(long.name ?? pathText(header.name));
    if (typeof path !== "string") return refuse(path.why);
    if (entries.size >= limits.entries) return refuse(`more than ${limits.entries} entries`);
    const target = long.target ?? pathText(header.target);
    long = {};
    const known = entries.get(path);
    if (known !== undefined && !(known.kind === "folder" && header.type === "folder"))
      return refuse(`the path ${path} twice`);
    add(header, path, target);
  }

  function add(header: TarHeader, path: string, target: string): void {
    if (header.type === "file") {
      left = header.size;
      padding = -header.size & 511;
      open = keep ? { header, path, chunks: [] } : { header, path };
      kept += keep ? header.size : 0;
      if (kept > limits.controlBytes) return refuse(`more than ${limits.controlBytes} bytes of control files`);
      if (header.size === 0) close(open);
      return;
    }
    // POSIX: a hard link may carry a copy of the data; dpkg's archives never do, and it would be a second truth.
    if (header.size !== 0) return refuse(`${path}: data behind a ${header.type}`);
    if (header.type === "hard-link") return link(path, target);
    if (header.type === "symlink") {
      if (target === "" || target.includes("\\x00")) return refuse(`${path}: a symbolic link to nothing`);
      if (escapes(path, target)) return refuse(`${path}: a symbolic link that climbs out of the root: ${target}`);
      entries.set(path, { kind: "symlink", path, target });
    } else entries.set(path, { kind: header.type === "folder" ? "folder" : "other", path });
  }

  function link(path: string, target: string): void {
    const to = packagedPath(target);
    const original = typeof to === "string" ? entries.get(to) : undefined;
    if (original?.kind === "file")
      entries.set(path, { ...original, path, hardLinkTo: original.hardLinkTo ?? original.path });
    // A hard link to a symbolic link is one more symbolic link.
    else if (original?.kind === "symlink") entries.set(path, { ...original, path });
    else refuse(`${path}: a hard link to ${target}, which the archive does not hold before it`);
  }

  function close(entry: Open): void {
    open = undefined;
    const { header } = entry;
    if (header.type === "long-name" || header.type === "long-target") {
      const bytes = Buffer.concat(entry.chunks ?? []);
      const nul = bytes.indexOf(0);
      const text = pathText(nul < 0 ? bytes : bytes.subarray(0, nul));
      if (header.type === "long-name") long.name = text;
      else long.target = text;
      return;
    }
    const digest = (entry.digest ?? entry.hash?.digest("hex") ?? hash("sha256", Buffer.alloc(0))) as Sha256;
    const file = { kind: "file" as const, path: entry.path, sha256: digest, size: header.size, mode: header.mode };
    entries.set(entry.path, entry.chunks === undefined ? file : { ...file, content: Buffer.concat(entry.chunks) });
  }
}

interface Open {
  readonly header: TarHeader;
  readonly path: string;
  /** Copies: a chunk's memory belongs to the decompressor. */
  readonly chunks?: Buffer[];
  hash?: Hash;
  digest?: string;
}

/** Most files lie whole in one chunk: one call of the hash, no object for it. */
function feed(open: Open, bytes: Buffer, last: boolean): void {
  open.chunks?.push(Buffer.from(bytes));
  if (last && open.hash === undefined) open.digest = hash("sha256", bytes, "hex");
  else (open.hash ??= createHash("sha256")).update(bytes);
}

/** "./usr/bin/x" -> "/usr/bin/x". Absolute names, "..", "." inside, empty segments and NUL are refused. */
function packagedPath(name: string): string | { readonly why: string } {
  if (name === "" || name.startsWith("/"))
    return { why: name === "" ? "an entry without a name" : `the absolute path ${name}` };
  const bare = name.replace(/^\.\//, "").replace(/\/$/, "");
  if (bare === "" || bare === ".") return "/";
  if (bare.includes("\\x00")) return { why: `a name with a NUL byte: ${name}` };
  for (const segment of bare.split("/"))
    if (segment === "" || segment === "." || segment === "..") return { why: `the unsafe path ${name}` };
  return `/${bare}`;
}

function escapes(path: string, target: string): boolean {
  let depth = target.startsWith("/") ? 0 : path.split("/").length - 2;
  for (const segment of target.split("/")) {
    if (segment === "..") depth -= 1;
    else if (segment !== "" && segment !== ".") depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

/** An entry below a link or a file of the same archive would be unpacked somewhere else than it says. */
function checkParents(entries: ReadonlyMap<string, TarEntry>, refuse: (why: string) => void): void {
  const good = new Set<string>(["", "/"]);
  for (const path of entries.keys()) {
    let parent = path.slice(0, path.lastIndexOf("/"));
    while (!good.has(parent)) {
      const entry = entries.get(parent);
      if (entry !== undefined && entry.kind !== "folder")
        return refuse(`${path} lies below ${parent}, which is no folder`);
      good.add(parent);
      parent = parent.slice(0, parent.lastIndexOf("/"));
    }
  }
}
