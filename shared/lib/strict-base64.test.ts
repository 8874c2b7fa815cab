import { assert, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import { base64Bytes, hexBytes } from "./strict-base64.ts";

test("what base64 writes is read", () => {
  assert(
    property(uint8Array(), (bytes) => {
      expect(base64Bytes(Buffer.from(bytes).toString("base64"))).toEqual(Buffer.from(bytes));
    }),
  );
});

test.each([
  ["no padding", "aGk"],
  ["pad bits that are not zero", "aGl="],
  ["the URL alphabet", "-_-_"],
  ["white space", "aGk=\n"],
  ["a stray character", "a*k="],
])("%s is refused", (_name, text) => {
  expect(base64Bytes(text)).toBeUndefined();
});

test("hexadecimal is lower case and whole", () => {
  expect([hexBytes("00ff"), hexBytes("00f"), hexBytes("00FF")]).toEqual([Buffer.from([0, 255]), undefined, undefined]);
});
