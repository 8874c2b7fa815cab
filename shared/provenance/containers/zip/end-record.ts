import { unreadable, unsupported } from "../../refusal.ts";
import type { RandomAccess } from "../archive.ts";
import { littleEndian } from "../little-endian.ts";

/** Where the central directory lies, as the end of the file says: it reaches exactly to the records that end the file. */
export interface EndRecord {
  readonly entries: number;
  readonly directoryOffset: number;
  readonly directorySize: number;
  /** From the end of the directory to the end of the file. */
  readonly bytes: Uint8Array;
}

/**
 * APPNOTE 4.3.14 to 4.3.16. Readers find the end record by searching backwards, and not all check what they find: so the last one counts, its
 * comment has to end the file, its directory has to reach to it, and what zip64 says has to agree with it.
 */
export async function readEndRecord(source: RandomAccess): Promise<EndRecord> {
  const tailLength = Math.min(source.size, endSize + 0xffff + locatorSize + end64Size);
  const tailStart = source.size - tailLength;
  const tail = await source.read(tailStart, tailLength);
  const at = lastEnd(tail);
  const fields = littleEndian(tail.subarray(at, at + endSize));
  const [disk, directoryDisk, here, entries] = [fields.u16(4), fields.u16(6), fields.u16(8), fields.u16(10)];
  const [size, offset] = [fields.u32(12), fields.u32(16)];
  if (at + endSize + fields.u16(20) !== tail.length) throw unreadable("bytes follow the end of the zip archive");
  const end64 = read64(tail, at, tailStart);
  if (end64 === undefined) {
    if (disk !== 0 || directoryDisk !== 0 || here !== entries) throw unsupported("a zip archive of several parts");
    if (entries === 0xffff || size === 0xffffffff || offset === 0xffffffff)
      throw unreadable("a zip archive that says it is zip64 and has no zip64 end record");
    return reaching(
      { entries, directoryOffset: offset, directorySize: size, bytes: tail.subarray(at) },
      tailStart + at,
    );
  }
  const agrees =
    agree(entries, 0xffff, end64.entries) &&
    agree(here, 0xffff, end64.entries) &&
    agree(size, 0xffffffff, end64.directorySize) &&
    agree(offset, 0xffffffff, end64.directoryOffset) &&
    agree(disk, 0xffff, 0) &&
    agree(directoryDisk, 0xffff, 0);
  if (!agrees) throw unreadable("the zip64 end record says something else than the end record");
  return reaching(end64, end64.at);
}

const endSize = 22;
const locatorSize = 20;
const end64Size = 56;
const signatureLocator = 0x07064b50;
const signatureEnd64 = 0x06064b50;

/**
 * Readers that search backwards meet the last one first. Bytes of an entry before it may look like one; in the comment behind it none can stand,
 * because then that one would be the last, and its directory would have to end where it begins.
 */
function lastEnd(tail: Uint8Array): number {
  for (let at = tail.length - endSize; at >= 0; at -= 1)
    if (tail[at] === 0x50 && tail[at + 1] === 0x4b && tail[at + 2] === 5 && tail[at + 3] === 6) return at;
  throw unreadable("a zip archive without an end record: it may be cut short");
}

function read64(tail: Uint8Array, end: number, tailStart: number): (EndRecord & { readonly at: number }) | undefined {
  const locatorAt = end - locatorSize;
  if (locatorAt < 0) return undefined;
  const locator = littleEndian(tail.subarray(locatorAt, end));
  if (locator.u32(0) !== signatureLocator) return undefined;
  const at = locatorAt - end64Size;
  if (locator.u32(4) !== 0 || locator.u32(16) > 1) throw unsupported("a zip archive of several parts");
  if (at < 0 || locator.u64(8) !== tailStart + at)
    throw unreadable("a zip64 end record that is not where it is said to be");
  const fields = littleEndian(tail.subarray(at, locatorAt));
  // 4.3.14.1: the size does not count the signature and itself. An extensible data sector would be a place for other bytes.
  if (fields.u32(0) !== signatureEnd64 || fields.u64(4) !== end64Size - 12)
    throw unreadable("a malformed zip64 end record");
  if (fields.u32(16) !== 0 || fields.u32(20) !== 0 || fields.u64(24) !== fields.u64(32))
    throw unsupported("a zip archive of several parts");
  return {
    entries: fields.u64(32),
    directorySize: fields.u64(40),
    directoryOffset: fields.u64(48),
    bytes: tail.subarray(at),
    at: tailStart + at,
  };
}

const agree = (short: number, saturated: number, long: number): boolean => short === saturated || short === long;

function reaching(record: EndRecord, end: number): EndRecord {
  if (record.directoryOffset + record.directorySize !== end)
    throw unreadable(
      "the zip directory does not end where the end record begins: bytes lie before the archive or between",
    );
  return record;
}
