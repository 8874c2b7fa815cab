import { createHash } from "node:crypto";
import { bytesOf, concat } from "./forge-zip.ts";

/** One file of a forged rpm: what the header lists, and what the payload holds if that is something else. */
export interface ForgedRpmFile {
  readonly path: string;
  readonly data?: string;
  readonly mode?: number;
  readonly inode?: number;
  readonly links?: number;
  /** Only in the header: a ghost. */
  readonly ghost?: boolean;
  /** Only in the payload. */
  readonly unlisted?: boolean;
  readonly payload?: { readonly data?: string; readonly mode?: number; readonly name?: string };
}

export interface ForgedRpm {
  readonly compressor?: string;
  readonly format?: string;
  readonly pack?: (cpio: Uint8Array) => Uint8Array;
  readonly behind?: Uint8Array;
  readonly magic?: string;
}

export function forgeRpm(files: readonly ForgedRpmFile[], wanted: ForgedRpm = {}): Uint8Array {
  const listed = files.filter(({ unlisted }) => unlisted !== true);
  const folders = [...new Set(listed.map(({ path }) => folderOf(path)))];
  const header = forgeHeader([
    [1028, 4, listed.map(({ data = "" }) => u32be(data.length))],
    [1030, 3, listed.map(({ mode = 0o100644 }) => u32be(mode).subarray(2))],
    [1035, 8, listed.map((file) => text(isFile(file.mode) ? hex(file.data ?? "") : ""))],
    [1036, 8, listed.map(({ data = "", mode }) => text(mode !== undefined && isLink(mode) ? data : ""))],
    [1116, 4, listed.map(({ path }) => u32be(folders.indexOf(folderOf(path))))],
    [1117, 8, listed.map(({ path }) => text(path.slice(folderOf(path).length)))],
    [1118, 8, folders.map(text)],
    [1124, 6, [text(wanted.format ?? "cpio")]],
    ...(wanted.compressor === undefined ? [] : [[1125, 6, [text(wanted.compressor)]] as const]),
    [5011, 4, [u32be(8)]],
  ]);
  const lead = new Uint8Array(96);
  lead.set([0xed, 0xab, 0xee, 0xdb, 3, 0]);
  lead[79] = 5;
  const signature = forgeHeader([[1000, 4, [u32be(0)]]]);
  const cpio = concat([
    ...files.filter(({ ghost }) => ghost !== true).map((file) => cpioMember(file, wanted.magic)),
    cpioMember({ path: "/TRAILER!!!", mode: 0, payload: { name: "TRAILER!!!" } }),
    wanted.behind ?? new Uint8Array(0),
  ]);
  return concat([lead, padded(signature, 8), header, wanted.pack?.(cpio) ?? cpio]);
}

type Tag = readonly [tag: number, type: number, values: readonly Uint8Array[]];

export function forgeHeader(tags: readonly Tag[]): Uint8Array {
  let offset = 0;
  const index = tags.map(([tag, type, values]) => {
    const entry = u32be(tag, type, offset, values.length);
    offset += values.reduce((sum, { length }) => sum + length, 0);
    return entry;
  });
  return concat([u32be(0x8eade801, 0, tags.length, offset), ...index, ...tags.flatMap(([, , values]) => values)]);
}

function cpioMember(file: ForgedRpmFile, magic = "070701"): Uint8Array {
  const { inode = 1, links = 1 } = file;
  const mode = file.payload?.mode ?? file.mode ?? 0o100644;
  const data = bytesOf(file.payload?.data ?? file.data ?? "");
  const name = text(file.payload?.name ?? `.${file.path}`);
  const numbers = [inode, mode, 0, 0, links, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const head = magic + numbers.map((number) => number.toString(16).padStart(8, "0")).join("");
  return concat([padded(concat([bytesOf(head), name]), 4), padded(data, 4)]);
}

const isLink = (mode: number): boolean => (mode & 0o170000) === 0o120000;
const isFile = (mode = 0o100644): boolean => (mode & 0o170000) === 0o100000;
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);
const text = (value: string): Uint8Array => bytesOf(`${value}\0`);
const hex = (value: string): string => createHash("sha256").update(value).digest("hex");
const padded = (bytes: Uint8Array, to: number): Uint8Array => concat([bytes, new Uint8Array(-bytes.length & (to - 1))]);
export const u32be = (...values: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 4);
  for (const [at, value] of values.entries()) new DataView(bytes.buffer).setUint32(at * 4, value);
  return bytes;
};
