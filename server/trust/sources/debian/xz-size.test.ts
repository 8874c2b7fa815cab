import { assert, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import { xz } from "../../../../test/support/forge-archive.ts";
import { xzUnpackedSize } from "./xz-size.ts";

test.each([0, 1, 511, 100_000, 5_000_000])("a stream of %i bytes says so in its index", (size) => {
  expect(xzUnpackedSize(xz(Buffer.alloc(size, "x")))).toBe(size);
});

test("two streams, padding, a cut end and garbage are not one stream", () => {
  const one = xz(Buffer.alloc(1000, "x"));
  for (const bytes of [
    Buffer.concat([one, one]),
    Buffer.concat([one, Buffer.alloc(4)]),
    one.subarray(0, -1),
    Buffer.alloc(100),
    Buffer.alloc(0),
  ])
    expect(xzUnpackedSize(bytes)).toBeUndefined();
});

test("any bytes give an answer", () => {
  assert(
    property(uint8Array({ maxLength: 200 }), (bytes) => {
      xzUnpackedSize(Buffer.concat([bytes, Buffer.from("YZ")]));
    }),
  );
});
