import { assert, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import { pathBytes, pathText } from "./path-text.ts";

test("any bytes survive the way to text and back", () => {
  assert(
    property(uint8Array({ maxLength: 200 }), (bytes) => {
      expect(pathBytes(pathText(bytes))).toEqual(bytes);
    }),
  );
});

test.each([
  ["plain", "/usr/bin/ls", "/usr/bin/ls"],
  ["umlaut", "/tmp/ä", "/tmp/ä"],
  ["newline and escape", "/tmp/a\n\u001b[2J", "/tmp/a\\x0a\\x1b[2J"],
  ["right-to-left override", "/tmp/\u202egpj.exe", "/tmp/\\xe2\\x80\\xaegpj.exe"],
  ["backslash", "/tmp/a\\b", "/tmp/a\\x5cb"],
])("%s is written so that nothing reaches a terminal raw", (_name, path, text) => {
  expect(pathText(new TextEncoder().encode(path))).toBe(text);
});

test("a stray byte is written in hexadecimal", () => {
  expect(pathText(Uint8Array.from([0x2f, 0xff, 0x61]))).toBe("/\\xffa");
});

test("text that pathText never writes is not a path", () => {
  expect(pathBytes("/tmp/a\\b")).toBeUndefined();
});
