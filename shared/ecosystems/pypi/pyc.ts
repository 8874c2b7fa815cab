import { folderOf, nameOf } from "../packaged-path.ts";

/** What a .pyc's header says about the source it was made from. */
export type PycHeader =
  | { readonly kind: "timestamp"; readonly mtime: number; readonly size?: number }
  | { readonly kind: "hash"; readonly checked: boolean; readonly hash: string };

/** The source a .pyc was compiled from: PEP 3147 and 488 below __pycache__, else the legacy place beside it. */
export function pycParent(path: string): string | undefined {
  const folder = folderOf(path);
  if (nameOf(folder) !== "__pycache__") return /[^/]\.py[co]$/.test(path) ? path.slice(0, -1) : undefined;
  const stem = /^(.+?)\.[A-Za-z][A-Za-z0-9_+-]*(?:\.opt-[A-Za-z0-9]+)?\.pyc$/.exec(nameOf(path))?.[1];
  return stem === undefined ? undefined : `${folderOf(folder) === "/" ? "" : folderOf(folder)}/${stem}.py`;
}

export const pycHeaderBytes = 16;

/** Undefined: too short, or a magic number that is none of CPython's known ranges. */
export function readPycHeader(bytes: Uint8Array): PycHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || view.getUint16(2, true) !== 0x0a0d) return undefined;
  const magic = view.getUint16(0, true);
  const layout = layoutOf(magic);
  if (layout === "mtime") return { kind: "timestamp", mtime: view.getUint32(4, true) };
  if (layout === "mtime-size" && bytes.length >= 12)
    return { kind: "timestamp", mtime: view.getUint32(4, true), size: view.getUint32(8, true) };
  if (layout !== "flags" || bytes.length < pycHeaderBytes) return undefined;
  const flags = view.getUint32(4, true);
  if (flags === 0) return { kind: "timestamp", mtime: view.getUint32(8, true), size: view.getUint32(12, true) };
  // PEP 552: bit 0 marks a hash, bit 1 that the interpreter checks it; no other bit is defined.
  if (flags !== 1 && flags !== 3) return undefined;
  const hash = [...bytes.subarray(8, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { kind: "hash", checked: flags === 3, hash };
}

/** Whether the header names the source as it is now. Both fields are kept modulo 2^32 (PEP 3147, importlib). */
export function pycNames(
  header: PycHeader,
  source: { readonly mtimeSeconds: number; readonly size: number },
): { readonly agrees: "yes" | "no" | "not-compared"; readonly why: string } {
  if (header.kind === "hash")
    return { agrees: "not-compared", why: "its header holds a SipHash of the source, which is not computed here" };
  if (header.mtime !== source.mtimeSeconds >>> 0)
    return { agrees: "no", why: "its header names another modification time than its source has" };
  if (header.size !== undefined && header.size !== source.size >>> 0)
    return { agrees: "no", why: "its header names another size than its source has" };
  return { agrees: "yes", why: "its header names its source's modification time and size" };
}

/** Lib/importlib/_bootstrap_external.py lists every magic number: 3190 added the size (3.3), 3392 the flags (3.7). */
function layoutOf(magic: number): "mtime" | "mtime-size" | "flags" | undefined {
  if (magic >= 20_000 && magic <= 62_300) return "mtime";
  if (magic < 3000 || magic > 3999) return undefined;
  return magic < 3190 ? "mtime" : magic < 3392 ? "mtime-size" : "flags";
}
