/**
 * RFC 4648 3.5: one text for one value. A decoder that skips what it does not know lets a changed document keep its meaning,
 * so the only accepted spelling is the standard alphabet, padded, with zero pad bits.
 */
export function base64Bytes(text: string): Buffer | undefined {
  if (text.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/** Lower-case hexadecimal, whole bytes. */
export function hexBytes(text: string): Buffer | undefined {
  return text.length % 2 === 0 && /^[0-9a-f]*$/.test(text) ? Buffer.from(text, "hex") : undefined;
}
