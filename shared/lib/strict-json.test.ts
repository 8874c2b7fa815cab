import { assert, jsonValue, property, string } from "fast-check";
import { expect, test } from "vitest";
import { jsonLimits, parseStrictJson } from "./strict-json.ts";

test("every value that JSON writes comes back", () => {
  assert(
    property(jsonValue({ maxDepth: 6 }), (value) => {
      expect(parseStrictJson(JSON.stringify(value))).toEqual({ ok: true, value: JSON.parse(JSON.stringify(value)) });
    }),
  );
});

test("any text is an answer, never an exception", () => {
  assert(
    property(string({ unit: "binary" }), (text) => {
      expect(typeof parseStrictJson(text).ok).toBe("boolean");
    }),
  );
});

test.each([
  ["the same name twice", '{"a":1,"a":2}', "an object has the same name twice"],
  ["the same name once escaped", '{"a":1,"\\u0061":2}', "an object has the same name twice"],
  ["the same name twice deep inside", '[{"x":{"b":{},"b":[]}}]', "an object has the same name twice"],
  ["__proto__ twice", '{"__proto__":1,"__proto__":2}', "an object has the same name twice"],
  ["no JSON", "{a:1}", "it is not JSON"],
  ["a string without end", '{"a', "a string has no end"],
  ["too deep", "[".repeat(65) + "]".repeat(65), "it is nested deeper than 64"],
  ["a million brackets", "[".repeat(1_000_000), "it is nested deeper than 64"],
])("%s is refused", (_name, text, why) => {
  expect(parseStrictJson(text)).toEqual({ ok: false, why });
});

test("a name in two objects is no repetition, and colons inside strings are no names", () => {
  const text = '{"a":{"b":"x:y\\":"},"c":{"b":[{"b":1},{"b":2}]}}';
  expect(parseStrictJson(text)).toEqual({ ok: true, value: JSON.parse(text) });
});

test("bytes that are not UTF-8 are refused", () => {
  expect(parseStrictJson(Uint8Array.from([0x22, 0xff, 0x22]))).toEqual({ ok: false, why: "it is not UTF-8" });
});

test("100 MB are refused before they are read", () => {
  const started = performance.now();
  const read = parseStrictJson(new Uint8Array(100 * 1024 * 1024).fill(0x20));
  expect(read).toEqual({ ok: false, why: `it is larger than ${jsonLimits.bytes} bytes` });
  expect(performance.now() - started).toBeLessThan(1000);
});
