import { pathText } from "../../../lib/path-text.ts";
import { unreadable, unsupported } from "../../refusal.ts";
import type { RandomAccess } from "../archive.ts";
import { isUtf8 } from "../entry-path.ts";
import type { ContainerLimits } from "../limits.ts";
import { littleEndian, type Fields } from "../little-endian.ts";
import { readEndRecord } from "./end-record.ts";
import { readExtraFields } from "./extra-fields.ts";

/** A zip's central directory: its own bytes, where they lie, and its lines in their order. */
export interface ZipDirectory {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** The records behind it that end the file. */
  readonly ending: Uint8Array;
  readonly lines: readonly ZipLine[];
}

/** One line of the directory (APPNOTE 4.3.12), and where its two headers lie. */
export interface ZipLine {
  readonly name: Uint8Array;
  readonly kind: "file" | "folder" | "symlink";
  readonly mode: number;
  readonly flags: number;
  readonly method: 0 | 8;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  /** Where its local header begins. */
  readonly offset: number;
  /** Where this line begins, and how long it is. */
  readonly lineOffset: number;
  readonly lineLength: number;
}

export async function readZipDirectory(source: RandomAccess, limits: ContainerLimits): Promise<ZipDirectory> {
  const end = await readEndRecord(source);
  if (end.entries > limits.entries) throw unreadable(`more than ${limits.entries} entries`);
  if (end.directorySize > limits.headerBytes)
    throw unreadable(`a zip directory of ${end.directorySize} bytes, more than ${limits.headerBytes}`);
  const bytes = await source.read(end.directoryOffset, end.directorySize);
  if (bytes.length !== end.directorySize) throw unreadable("it is cut short inside the zip directory");
  const lines: ZipLine[] = [];
  let at = 0;
  for (let count = 0; count < end.entries; count += 1) {
    const line = readLine(bytes.subarray(at), end.directoryOffset + at);
    lines.push(line);
    at += line.lineLength;
  }
  if (at !== bytes.length) throw unreadable("the zip directory has more bytes than its lines");
  return { offset: end.directoryOffset, bytes, ending: end.bytes, lines };
}

const lineSize = 46;
const signatureLine = 0x02014b50;

function readLine(bytes: Uint8Array, lineOffset: number): ZipLine {
  if (bytes.length < lineSize) throw unreadable("the zip directory ends inside a line");
  const fields = littleEndian(bytes);
  if (fields.u32(0) !== signatureLine) throw unreadable("a line of the zip directory without its signature");
  const [nameLength, extraLength, commentLength] = [fields.u16(28), fields.u16(30), fields.u16(32)];
  const lineLength = lineSize + nameLength + extraLength + commentLength;
  if (lineLength > bytes.length) throw unreadable("the zip directory ends inside a line");
  const name = bytes.subarray(lineSize, lineSize + nameLength);
  const flags = fields.u16(8);
  const extra = readExtraFields(bytes.subarray(lineSize + nameLength, lineSize + nameLength + extraLength), name);
  requireName(name, extra.utf8Name || (flags & 0x0800) !== 0);
  const { size, packedSize, offset } = sizesOf(fields, extra.zip64);
  const mode = unixMode(fields);
  const method = methodOf(fields.u16(10), flags, name);
  if (method === 0 && size !== packedSize) throw unreadable(`a stored entry of two sizes: ${pathText(name)}`);
  return {
    name,
    kind: kindOf(name, mode, fields.u32(38), size),
    mode: mode ?? 0,
    flags,
    method,
    crc: fields.u32(16),
    packedSize,
    size,
    offset,
    lineOffset,
    lineLength,
  };
}

/** Without a mark a name is in a code page that only its writer knows; some readers turn a backslash into a slash. */
function requireName(name: Uint8Array, marked: boolean): void {
  if (!marked && name.some((byte) => byte >= 0x80))
    throw unsupported(`a name that is not marked as UTF-8: ${pathText(name)}`);
  if (!isUtf8(name)) throw unsupported(`a name that is not UTF-8: ${pathText(name)}`);
  if (name.includes(0x5c)) throw unreadable(`a name with a backslash: ${pathText(name)}`);
}

function methodOf(method: number, flags: number, name: Uint8Array): 0 | 8 {
  // 4.4.4: bit 0 encrypted, 5 patch data, 6 strong encryption, 13 masked headers.
  if ((flags & 0x2041) !== 0) throw unsupported(`an encrypted entry: ${pathText(name)}`);
  if ((flags & 0x0020) !== 0) throw unsupported(`an entry of patch data: ${pathText(name)}`);
  if (method !== 0 && method !== 8) throw unsupported(`an entry packed with method ${method}: ${pathText(name)}`);
  return method;
}

/** 4.5.3: the extra field holds, in this order, exactly those values that do not fit into the line. */
function sizesOf(fields: Fields, zip64: Uint8Array | undefined) {
  let at = 0;
  const long = littleEndian(zip64 ?? new Uint8Array(0));
  const value = (short: number): number => {
    if (short !== 0xffffffff) return short;
    if (zip64 === undefined || at + 8 > zip64.length) throw unreadable("a zip64 size or offset that is missing");
    at += 8;
    return long.u64(at - 8);
  };
  const [size, packedSize, offset] = [value(fields.u32(24)), value(fields.u32(20)), value(fields.u32(42))];
  if (fields.u16(34) !== 0) throw unsupported("a zip archive of several parts");
  if (zip64 !== undefined && at !== zip64.length)
    throw unreadable("a zip64 extra field that says more than is asked of it");
  return { size, packedSize, offset };
}

/** 4.4.2, 4.4.15: Unix and macOS writers keep the mode in the upper half of the external attributes. */
function unixMode(fields: Fields): number | undefined {
  const host = fields.u16(4) >>> 8;
  return host === 3 || host === 19 ? fields.u32(38) >>> 16 : undefined;
}

function kindOf(name: Uint8Array, mode: number | undefined, attributes: number, size: number): ZipLine["kind"] {
  const type = (mode ?? 0) & 0o170000;
  const named = name.at(-1) === 0x2f;
  if (named) {
    // Readers go by the slash; some writers leave nonsense in the mode.
    if (size !== 0 || type === linkType) throw unreadable(`a folder that is something else as well: ${pathText(name)}`);
    return "folder";
  }
  if (type === folderType || (mode === undefined && (attributes & 0x10) !== 0))
    throw unreadable(`a folder without a slash: ${pathText(name)}`);
  if (type === linkType) return "symlink";
  if (type !== 0 && type !== fileType) throw unsupported(`a device, pipe or socket: ${pathText(name)}`);
  return "file";
}

const folderType = 0o040000;
const fileType = 0o100000;
const linkType = 0o120000;
