import { crc32 as zlibCrc32 } from "node:zlib";
import { assert, nat, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import { crc32 } from "./crc32.ts";

test("the same as zlib's, whole or in two pieces, wherever they begin", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  assert(
    property(uint8Array({ maxLength: 70 }), nat(70), (bytes, at) => {
      const [first, second] = [bytes.subarray(0, at), bytes.subarray(at)];
      expect(crc32(second, crc32(first))).toBe(zlibCrc32(bytes));
    }),
  );
});
