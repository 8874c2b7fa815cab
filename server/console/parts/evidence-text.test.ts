import { assert, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import { digestOf, evidenceText, shownLimit } from "./evidence-text.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

test.each([
  ["plain text", "Origin: Debian\nSuite: stable\n", "text", "Origin: Debian\nSuite: stable\n"],
  ["one line of JSON", '{"a":1}', "text", '{\n  "a": 1\n}'],
  ["JSON that is broken", '{"a":', "text", '{"a":'],
  ["text that reorders itself", "a\u202eb", "text", "a\\u{202e}b"],
  ["a terminal's escape", "a\u001b[31mb", "text", "a\\u{1b}[31mb"],
  ["nothing", "", "text", ""],
  ["a null byte", "a\u0000b", "hexadecimal", "00000000  61 00 62                                         a.b"],
])("%s is shown as a person can read it", (_name, text, form, shown) => {
  expect(evidenceText(bytesOf(text))).toEqual({ form, text: shown, hidden: 0 });
});

test("a long text is cut at its limit, even inside a character, and says how much is hidden", () => {
  const bytes = bytesOf(`${"x".repeat(shownLimit - 1)}äöü`);
  const { form, text, hidden } = evidenceText(bytes);
  expect([form, text.length, hidden]).toEqual(["text", shownLimit - 1, bytes.length - shownLimit]);
});

test("any bytes are shown without an exception, and never with what hides or moves text", () => {
  assert(
    property(uint8Array({ maxLength: 3000 }), (bytes) => {
      expect(evidenceText(bytes).text).not.toMatch(/[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u202a-\u202e]/);
    }),
  );
});

test("the digest is SHA-256 in lower-case hexadecimal", async () => {
  expect(await digestOf(Uint8Array.from([]))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});
