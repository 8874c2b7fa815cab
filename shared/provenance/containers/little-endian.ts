import { unreadable } from "../refusal.ts";

/** Unsigned little-endian numbers, as zip writes them. */
export interface Fields {
  u16(at: number): number;
  u32(at: number): number;
  /** A number of 64 bits that is too large to count with is refused. */
  u64(at: number): number;
}

export function littleEndian(bytes: Uint8Array): Fields {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    u16: (at) => view.getUint16(at, true),
    u32: (at) => view.getUint32(at, true),
    u64: (at) => {
      const value = Number(view.getBigUint64(at, true));
      if (!Number.isSafeInteger(value)) throw unreadable("a size or offset that no file has");
      return value;
    },
  };
}
