/** An ECDSA signature written as r and s side by side (IEEE P1363), as DER (RFC 3279 2.2.3), which bundles hold. */
export function derSignature(sideBySide: Buffer): Buffer {
  const half = sideBySide.length / 2;
  const body = Buffer.concat([integer(sideBySide.subarray(0, half)), integer(sideBySide.subarray(half))]);
  return Buffer.concat([Buffer.from([0x30]), lengthOf(body), body]);
}

/** X.690 8.3: the fewest bytes, and a leading zero where the number would look negative. */
function integer(unsigned: Buffer): Buffer {
  let from = 0;
  while (from < unsigned.length - 1 && unsigned[from] === 0) from += 1;
  const digits = unsigned.subarray(from);
  const body = (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
  return Buffer.concat([Buffer.from([0x02]), lengthOf(body), body]);
}

const lengthOf = ({ length }: Buffer): Buffer => (length < 0x80 ? Buffer.from([length]) : Buffer.from([0x81, length]));
