/**
 * How many bytes a .xz file of exactly one stream unpacks to, by its own index (The .xz File Format 1.2.1, 2.1.2 and 4).
 * A guess until a decoder has confirmed it: every decoder compares the index with what it decoded and fails where it lies.
 */
export function xzUnpackedSize(bytes: Buffer): number | undefined {
  if (bytes.length < 32 || bytes.toString("latin1", bytes.length - 2) !== "YZ") return undefined;
  const backward = (bytes.readUInt32LE(bytes.length - 8) + 1) * 4;
  const start = bytes.length - 12 - backward;
  if (start < 12 || bytes[start] !== 0) return undefined;
  const end = bytes.length - 16;
  const count = readNumber(bytes, start + 1, end);
  if (count === undefined || count.value > 100_000) return undefined;
  let { at } = count;
  let packed = 12;
  let unpacked = 0;
  for (let record = 0; record < count.value; record += 1) {
    const unpadded = readNumber(bytes, at, end);
    const plain = unpadded === undefined ? undefined : readNumber(bytes, unpadded.at, end);
    if (unpadded === undefined || plain === undefined) return undefined;
    packed += Math.ceil(unpadded.value / 4) * 4;
    unpacked += plain.value;
    ({ at } = plain);
  }
  // A second stream or padding before this one would not be in this index.
  return packed === start && Number.isSafeInteger(unpacked) ? unpacked : undefined;
}

/** 1.2: little-endian groups of seven bits, the top bit saying that more follow. */
function readNumber(
  bytes: Buffer,
  from: number,
  end: number,
): { readonly value: number; readonly at: number } | undefined {
  let value = 0;
  for (let at = from, factor = 1; at < end && at < from + 7; at += 1, factor *= 128) {
    const byte = bytes[at] ?? 0;
    value += (byte & 127) * factor;
    if (byte < 128) return { value, at: at + 1 };
  }
  return undefined;
}
