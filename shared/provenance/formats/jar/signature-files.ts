import { containerLimits } from "../../containers/limits.ts";
import { inflater } from "../../containers/inflate.ts";
import { littleEndian } from "../../containers/little-endian.ts";
import { readZipDirectory, type ZipLine } from "../../containers/zip/directory.ts";
import { unreadable } from "../../refusal.ts";

export const manifestName = "META-INF/MANIFEST.MF";
export const maxSignatureBytes = 16 * 2 ** 20;
export const maxSigners = 16;

/** JAR specification, "Signed JAR File": the manifest, *.SF and the blocks lie in META-INF itself; nothing signs them but each other. */
export function isSignatureRelated(name: string): boolean {
  return /^META-INF\/(?:MANIFEST\.MF|[^/]*\.(?:SF|RSA|DSA|EC))$/i.test(name);
}

export interface SignaturePair {
  readonly name: string;
  readonly signatureFile: Uint8Array;
  readonly block: Uint8Array;
}

/** "X.SF" and "X.RSA", "X.EC" or "X.DSA" beside it: one each, or the jar could show two signatures to two readers. */
export function pairsIn(signatureFiles: ReadonlyMap<string, Uint8Array>): readonly SignaturePair[] {
  const found = new Map<string, SignaturePair>();
  for (const [path, block] of signatureFiles) {
    const base = /^META-INF\/([^/]*)\.(?:RSA|DSA|EC)$/.exec(path)?.[1];
    if (base === undefined) continue;
    const signatureFile = signatureFiles.get(`META-INF/${base}.SF`);
    if (signatureFile === undefined) throw unreadable(`the signature block ${path} has no signature file`);
    if (found.has(base)) throw unreadable(`the signature file ${base}.SF has two signature blocks`);
    found.set(base, { name: `${base}.SF`, signatureFile, block });
  }
  for (const path of signatureFiles.keys())
    if (path.endsWith(".SF") && !found.has(path.slice("META-INF/".length, -3)))
      throw unreadable(`the signature file ${path} has no signature block`);
  if (found.size > maxSigners) throw unreadable(`the jar has more than ${maxSigners} signers`);
  return [...found.values()];
}

/**
 * The signature files alone, by upper-case name, without unpacking anything else: so that a jar of somebody unknown costs next to nothing. What
 * is found here opens the door only; what counts is read again with the whole jar.
 */
export async function signatureFilesIn(bytes: Uint8Array): Promise<ReadonlyMap<string, Uint8Array>> {
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    Promise.resolve(bytes.subarray(offset, offset + length));
  const { lines } = await readZipDirectory({ size: bytes.length, read }, containerLimits);
  const found = new Map<string, Uint8Array>();
  let held = 0;
  for (const line of lines) {
    const name = Buffer.from(line.name).toString("latin1");
    if (line.kind !== "file" || !isSignatureRelated(name)) continue;
    held += line.size;
    if (held > maxSignatureBytes) throw unreadable(`its signature files are larger than ${maxSignatureBytes} bytes`);
    found.set(name.toUpperCase(), unpacked(bytes, line));
  }
  return found;
}

const localSize = 30;

function unpacked(bytes: Uint8Array, { offset, packedSize, size, method }: ZipLine): Uint8Array {
  if (offset + localSize > bytes.length) throw unreadable("a signature file lies outside the jar");
  const fields = littleEndian(bytes.subarray(offset, offset + localSize));
  const start = offset + localSize + fields.u16(26) + fields.u16(28);
  const packed = bytes.subarray(start, start + packedSize);
  if (method === 0) return packed;
  const whole = Buffer.alloc(size);
  let at = 0;
  const inflate = inflater((piece) => {
    if (at + piece.length > size) throw unreadable("a signature file has more bytes than the jar says");
    whole.set(piece, at);
    at += piece.length;
  });
  inflate.push(packed);
  inflate.end();
  return whole.subarray(0, at);
}
