/**
 * CRC-32 as zip, gzip and PNG use it (ISO 3309): `crc32(bytes, crc32(earlier))` goes on. It finds damage, it proves nothing. Four bytes at a time,
 * because it would otherwise take as long as inflating does.
 */
export function crc32(bytes: Uint8Array, earlier = 0): number {
  let crc = ~earlier;
  let at = 0;
  for (const whole = bytes.length - 3; at < whole; at += 4) {
    crc ^= (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
    crc =
      (tables[768 + (crc & 0xff)] ?? 0) ^
      (tables[512 + ((crc >>> 8) & 0xff)] ?? 0) ^
      (tables[256 + ((crc >>> 16) & 0xff)] ?? 0) ^
      (tables[crc >>> 24] ?? 0);
  }
  for (; at < bytes.length; at += 1) crc = (crc >>> 8) ^ (tables[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
  return ~crc >>> 0;
}

/** 256 values for a byte at the end, then for one, two and three bytes before it. */
const tables = tablesOf();

function tablesOf(): Int32Array {
  const values = new Int32Array(4 * 256);
  for (let index = 0; index < 256; index += 1) {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320;
    values[index] = value;
  }
  for (let index = 256; index < values.length; index += 1) {
    const earlier = values[index - 256] ?? 0;
    values[index] = (earlier >>> 8) ^ (values[earlier & 0xff] ?? 0);
  }
  return values;
}
