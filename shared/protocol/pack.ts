import { limits } from "./limits.ts";

/** The compressor is a port, because shared code may not reach node:zlib. Both ends hand in zstd. */
export interface Codec {
  compress(bytes: Uint8Array): Uint8Array;
  /** Must throw rather than give more than `maxBytes`. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
}

export type Unpacked = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly why: string };

/** JSON, compressed. The receiver bounds both sizes itself and believes no length field. */
export function pack(value: unknown, codec: Codec): Uint8Array {
  return codec.compress(new TextEncoder().encode(JSON.stringify(value)));
}

export function unpack(bytes: Uint8Array, codec: Codec): Unpacked {
  if (bytes.byteLength > limits.packedBytes)
    return refuse(`message of ${bytes.byteLength} bytes, limit ${limits.packedBytes}`);
  let plain: Uint8Array;
  try {
    plain = codec.decompress(bytes, limits.unpackedBytes);
  } catch {
    return refuse(`message is not zstd or unpacks to more than ${limits.unpackedBytes} bytes`);
  }
  try {
    return { ok: true, value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plain)) };
  } catch {
    return refuse("message is not JSON in UTF-8");
  }
}

const refuse = (why: string): Unpacked => ({ ok: false, why });
