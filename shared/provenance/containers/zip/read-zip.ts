import { pathText } from "../../../lib/path-text.ts";
import { unreadable, unsupported } from "../../refusal.ts";
import type { Pieces, RandomAccess } from "../archive.ts";
import { crc32 } from "../crc32.ts";
import { type Cursor, cursorOver, joined } from "../cursor.ts";
import { inflater, type TakeBytes } from "../inflate.ts";
import { littleEndian } from "../little-endian.ts";
import type { Listing } from "../options.ts";
import { readZipDirectory, type ZipDirectory, type ZipLine } from "./directory.ts";
import { equalBytes, readExtraFields } from "./extra-fields.ts";

/**
 * A zip is described twice, before each entry and in the directory at its end, and readers differ in which they believe. So both have to say the
 * same, and header, data, header, data, directory, end have to follow each other without a byte between. `pieces` are the file's bytes from its
 * beginning, which the caller hashes: everything but where the directory lies is read from them.
 */
export async function readZip(source: RandomAccess, pieces: Pieces, reading: Listing): Promise<void> {
  const directory = await readZipDirectory(source, reading.options.limits);
  const cursor = cursorOver(pieces);
  const lines = directory.lines.toSorted((a, b) => a.offset - b.offset);
  for (const [index, line] of lines.entries()) {
    if (line.offset !== cursor.position)
      throw unreadable(
        line.offset < cursor.position
          ? `two entries that share bytes: ${pathText(line.name)}`
          : `bytes that belong to no entry before ${pathText(line.name)}`,
      );
    await readEntry(cursor, line, lines[index + 1]?.offset ?? directory.offset, reading);
  }
  await readRest(cursor, directory);
}

const signatureLocal = 0x04034b50;
const signatureDescriptor = 0x08074b50;
const descriptorFlag = 0x0008;

async function readEntry(cursor: Cursor, line: ZipLine, next: number, reading: Listing): Promise<void> {
  await requireLocalHeader(cursor, line);
  if (line.packedSize > next - cursor.position)
    throw unreadable(`two entries that share bytes: ${pathText(line.name)}`);
  const body = bodyOf(line, reading);
  let [size, crc] = [0, 0];
  const take: TakeBytes = (piece) => {
    size += piece.length;
    if (size > line.size) throw unreadable(`${pathText(line.name)} has more bytes than the directory says`);
    reading.unpacked(piece.length);
    crc = crc32(piece, crc);
    body.take(piece);
  };
  const unpacked = line.method === 8 ? inflater(take) : undefined;
  for await (const piece of cursor.body(line.packedSize)) {
    if (unpacked === undefined) take(piece);
    else unpacked.push(piece);
  }
  unpacked?.end();
  if (size !== line.size) throw unreadable(`${pathText(line.name)} has fewer bytes than the directory says`);
  if (crc !== line.crc) throw unreadable(`damaged: the CRC of ${pathText(line.name)} differs`);
  body.close();
  await requireDescriptor(cursor, line, next);
}

/** APPNOTE 4.3.7. */
async function requireLocalHeader(cursor: Cursor, line: ZipLine): Promise<void> {
  const fields = littleEndian(await cursor.exactly(30));
  if (fields.u32(0) !== signatureLocal) throw unreadable(`no header where ${pathText(line.name)} should begin`);
  const name = await cursor.exactly(fields.u16(26));
  const { zip64 } = readExtraFields(await cursor.exactly(fields.u16(28)), name);
  const long = zip64 === undefined ? undefined : littleEndian(zip64);
  const differs = (what: string) =>
    unreadable(`the two headers of ${pathText(line.name)} differ in their ${what}: two readers would see two contents`);
  if (!equalBytes(name, line.name)) throw differs("name");
  if ((fields.u16(6) & telling) !== (line.flags & telling)) throw differs("flags");
  if (fields.u16(8) !== line.method) throw differs("method");
  if (zip64 !== undefined && zip64.length !== 16) throw differs("zip64 sizes");
  // 4.4.4: with bit 3 the header may have been written before sizes and CRC were known.
  const later = (line.flags & descriptorFlag) !== 0;
  const same = (value: number, wanted: number): boolean => value === wanted || (later && value === 0);
  const sameSize = (short: number, at: number, wanted: number): boolean =>
    long === undefined
      ? same(short, wanted)
      : (short === 0xffffffff || same(short, wanted)) && same(long.u64(at), wanted);
  // Who reads forward would have to guess where such an entry ends, by a mark that its bytes may hold.
  if (later && line.method === 0 && line.size > 0 && fields.u32(18) === 0)
    throw unsupported(`a stored entry whose length is only said behind it: ${pathText(line.name)}`);
  if (!same(fields.u32(14), line.crc)) throw differs("CRC");
  if (!sameSize(fields.u32(22), 0, line.size)) throw differs("size");
  if (!sameSize(fields.u32(18), 8, line.packedSize)) throw differs("packed size");
}

// 4.4.4: all but bits 1, 2 and 4, which say how hard the packer tried, and those that nobody uses.
const telling = 0x2869;

/** 4.3.9: with or without its signature, with sizes of four or of eight bytes: its length tells which. */
async function requireDescriptor(cursor: Cursor, line: ZipLine, next: number): Promise<void> {
  const length = next - cursor.position;
  if ((line.flags & descriptorFlag) === 0) {
    if (length !== 0) throw unreadable(`bytes that belong to no entry after ${pathText(line.name)}`);
    return;
  }
  if (![12, 16, 20, 24].includes(length)) throw unreadable(`no data descriptor behind ${pathText(line.name)}`);
  const bytes = await cursor.exactly(length);
  const signed = length === 16 || length === 24;
  const fields = littleEndian(signed ? bytes.subarray(4) : bytes);
  const long = length >= 20;
  const holds =
    (!signed || littleEndian(bytes).u32(0) === signatureDescriptor) &&
    fields.u32(0) === line.crc &&
    (long ? fields.u64(4) : fields.u32(4)) === line.packedSize &&
    (long ? fields.u64(12) : fields.u32(8)) === line.size;
  if (!holds) throw unreadable(`the data descriptor of ${pathText(line.name)} says something else than the directory`);
}

function bodyOf(line: ZipLine, reading: Listing): { take: TakeBytes; close(): void } {
  if (line.kind === "file") return reading.file(line.name, { size: line.size, mode: line.mode });
  if (line.kind === "folder") return { take: () => undefined, close: () => reading.folder(line.name, line.mode) };
  const { pathBytes } = reading.options.limits;
  if (line.size > pathBytes)
    throw unreadable(`a link target of ${line.size} bytes, more than ${pathBytes}: ${pathText(line.name)}`);
  const target: Uint8Array[] = [];
  return {
    take: (piece) => void target.push(Uint8Array.from(piece)),
    close: () => reading.symlink(line.name, joined(target)),
  };
}

/** What was read by position has to be what now streams by, or the digest of the whole would be of other bytes. */
async function readRest(cursor: Cursor, directory: ZipDirectory): Promise<void> {
  if (cursor.position !== directory.offset) throw unreadable("bytes that belong to no entry before the zip directory");
  const { bytes, ending } = directory;
  const same =
    equalBytes(await cursor.exactly(bytes.length), bytes) && equalBytes(await cursor.exactly(ending.length), ending);
  if (!same || (await cursor.peek(1)).length > 0) throw unreadable("it changed while it was being read");
}
