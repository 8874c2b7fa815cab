import { createHash } from "node:crypto";
import { containerLimits } from "../../containers/limits.ts";
import { littleEndian } from "../../containers/little-endian.ts";
import { readZipDirectory, type ZipDirectory, type ZipLine } from "../../containers/zip/directory.ts";
import { unreadable, unsupported } from "../../refusal.ts";

/** A NuGet package taken apart: its signature, and the digest of what the package was before it was signed. */
export interface SignedPackage {
  readonly signature: Buffer;
  digest(algorithm: string): Buffer;
}

export const signatureName = ".signature.p7s";

/**
 * NuGet package signing, "Package signature file": signing adds one stored entry. Without its header, its data and its line in the directory,
 * and with offsets and counts set back, the package has to be the bytes that were signed. Every other byte of the file is among them.
 */
export async function readSignedPackage(bytes: Uint8Array): Promise<SignedPackage> {
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    Promise.resolve(bytes.subarray(offset, offset + length));
  const directory = await readZipDirectory({ size: bytes.length, read }, containerLimits);
  if (littleEndian(directory.ending).u32(0) !== endSignature)
    throw unsupported("a signed NuGet package is no zip64 archive");
  const [line, another] = directory.lines.filter(({ name }) => Buffer.from(name).equals(Buffer.from(signatureName)));
  if (line === undefined || another !== undefined) throw unreadable(`a signed NuGet package has one ${signatureName}`);
  const end = requireStored(bytes, line, directory);
  const removed = end - line.offset;
  return {
    signature: Buffer.from(bytes.subarray(end - line.size, end)),
    digest(algorithm) {
      const hash = createHash(algorithm);
      hash.update(bytes.subarray(0, line.offset));
      hash.update(bytes.subarray(end, directory.offset));
      for (const one of directory.lines) if (one !== line) hash.update(lineBefore(bytes, one, line.offset, removed));
      hash.update(endBefore(directory, line.lineLength, removed));
      return hash.digest();
    },
  };
}

const endSignature = 0x06054b50;
const localSignature = 0x04034b50;
const localSize = 30;

/** Where the entry ends. Nothing but its name and the signature may lie in it: no signature covers what is taken out. */
function requireStored(bytes: Uint8Array, line: ZipLine, directory: ZipDirectory): number {
  const next = directory.lines
    .filter(({ offset }) => offset > line.offset)
    .reduce((least, { offset }) => Math.min(least, offset), directory.offset);
  const end = line.offset + localSize + line.name.length + line.size;
  if (directory.lines.some((one) => one !== line && one.offset === line.offset) || next !== end)
    throw unreadable("bytes lie beside the package's signature in its entry");
  if (line.size > maxSignatureBytes) throw unreadable(`a package signature is larger than ${maxSignatureBytes} bytes`);
  const fields = littleEndian(bytes.subarray(line.offset, line.offset + localSize));
  const name = bytes.subarray(line.offset + localSize, line.offset + localSize + line.name.length);
  const plain =
    fields.u32(0) === localSignature &&
    fields.u16(6) === 0 &&
    fields.u16(8) === 0 &&
    fields.u32(14) === line.crc &&
    fields.u32(18) === line.size &&
    fields.u32(22) === line.size &&
    fields.u16(26) === line.name.length &&
    fields.u16(28) === 0 &&
    Buffer.from(name).equals(Buffer.from(line.name));
  const alone = line.lineLength === lineSize + line.name.length && line.flags === 0 && line.method === 0;
  if (!plain || !alone) throw unreadable("the entry of the package's signature holds more than the signature");
  return end;
}

export const maxSignatureBytes = 1024 * 1024;
const lineSize = 46;

/** APPNOTE 4.3.12: the last four bytes of the fixed part say where the entry begins. */
function lineBefore(bytes: Uint8Array, line: ZipLine, from: number, removed: number): Buffer {
  const copy = Buffer.from(bytes.subarray(line.lineOffset, line.lineOffset + line.lineLength));
  copy.writeUInt32LE(line.offset > from ? line.offset - removed : line.offset, lineSize - 4);
  return copy;
}

/** APPNOTE 4.3.16: one entry less, a shorter directory that begins earlier. */
function endBefore({ ending }: ZipDirectory, lineLength: number, removed: number): Buffer {
  const copy = Buffer.from(ending);
  copy.writeUInt16LE(copy.readUInt16LE(8) - 1, 8);
  copy.writeUInt16LE(copy.readUInt16LE(10) - 1, 10);
  copy.writeUInt32LE(copy.readUInt32LE(12) - lineLength, 12);
  copy.writeUInt32LE(copy.readUInt32LE(16) - removed, 16);
  return copy;
}
