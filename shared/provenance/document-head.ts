/** The first bytes of a document as text, byte for byte, for formats that recognise their own: a view, nothing is copied first. */
export function headText(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(length, bytes.length)).toString("latin1");
}
