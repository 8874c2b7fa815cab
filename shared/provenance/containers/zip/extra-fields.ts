import { unreadable } from "../../refusal.ts";
import { crc32 } from "../crc32.ts";
import { littleEndian } from "../little-endian.ts";

/** What the extra fields of a zip header add to it, as far as it could change what a reader sees (APPNOTE 4.5, 4.6.9). */
export interface ExtraFields {
  readonly zip64?: Uint8Array;
  /** The name stands here once more, as UTF-8. */
  readonly utf8Name: boolean;
}

export function readExtraFields(extra: Uint8Array, name: Uint8Array): ExtraFields {
  const fields = littleEndian(extra);
  let zip64: Uint8Array | undefined;
  let utf8Name = false;
  for (let at = 0; at < extra.length;) {
    if (at + 4 > extra.length || at + 4 + fields.u16(at + 2) > extra.length)
      throw unreadable("a malformed extra field");
    const [id, data] = [fields.u16(at), extra.subarray(at + 4, at + 4 + fields.u16(at + 2))];
    if (id === 0x0001) {
      if (zip64 !== undefined) throw unreadable("two zip64 extra fields");
      zip64 = data;
    } else if (id === 0x7075) {
      requireSameName(data, name);
      utf8Name = true;
    }
    at += 4 + data.length;
  }
  return { utf8Name, ...(zip64 === undefined ? {} : { zip64 }) };
}

/** 4.6.9: version, CRC-32 of the header's name, the name in UTF-8. Some readers take it, some do not. */
function requireSameName(data: Uint8Array, name: Uint8Array): void {
  const given = data.subarray(5);
  const same =
    data.length >= 5 && data[0] === 1 && littleEndian(data).u32(1) === crc32(name) && equalBytes(given, name);
  if (!same) throw unreadable("an entry with a second name in its extra field");
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
