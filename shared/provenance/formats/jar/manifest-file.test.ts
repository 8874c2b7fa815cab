import { expect, test } from "vitest";
import { maxLineBytes, maxSections, readManifestFile } from "./manifest-file.ts";

const read = (text: string | Uint8Array) => readManifestFile(Buffer.from(text), "manifest-version", "the manifest");
const main = "Manifest-Version: 1.0\n";

test("sections are told apart by their very bytes, whatever ends the lines", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = `${main}\n\nName: a\nX: 1\n\nName: b\nX: 2\n`.replaceAll("\n", end);
    const { main: first, sections } = read(text);
    expect(Buffer.from(first.bytes).toString()).toBe(`${main}\n`.replaceAll("\n", end));
    expect([...sections].map(([name, { bytes }]) => [name, Buffer.from(bytes).toString()])).toEqual([
      ["a", "Name: a\nX: 1\n\n".replaceAll("\n", end)],
      ["b", "Name: b\nX: 2\n".replaceAll("\n", end)],
    ]);
  }
});

test("a name goes on over lines, also where a character is cut in two", () => {
  const [head, tail] = [Buffer.from("Name: caf"), Buffer.from("\u00e9")];
  const cut = Buffer.concat([
    Buffer.from(`${main}\n`),
    head,
    tail.subarray(0, 1),
    Buffer.from("\n "),
    tail.subarray(1),
    Buffer.from("\n  x\n\n"),
  ]);
  expect([...read(cut).sections.keys()]).toEqual(["caf\u00e9 x"]);
});

test("names of attributes know no case", () => {
  expect(
    read("MANIFEST-VERSION: 1.0\nSHA-256-digest-MANIFEST: x\n").main.attributes.get("sha-256-digest-manifest"),
  ).toBe("x");
  expect(() => read(`${main}a: 1\nA: 2\n`)).toThrow("the attribute A twice");
});

test.each<[string, string, string]>([
  ["a section without a name", `${main}\nX: 1\n\n`, "a section that names no entry"],
  ["a section whose name does not come first", `${main}\nX: 1\nName: a\n\n`, "a section that names no entry"],
  ["a line without a space behind the colon", `${main}X:1\n`, "no attribute"],
  ["a name with a space", `${main}X Y: 1\n`, "no attribute"],
  ["a name of 71 characters", `${main}${"x".repeat(71)}: 1\n`, "no attribute"],
  ["a tab in a value", `${main}X: a\tb\n`, "no attribute"],
  ["nothing", "", "does not begin with its version"],
  ["a line that is too long", `${main}X: ${"x".repeat(maxLineBytes)}\n`, `more than ${maxLineBytes} bytes`],
  [
    "too many entries",
    `${main}\n${Array.from({ length: maxSections + 1 }, (_, at) => `Name: ${at}\n\n`).join("")}`,
    `more than ${maxSections} entries`,
  ],
])("%s is refused", (_name, text, why) => {
  expect(() => read(text)).toThrow(why);
});

test("bytes that are not UTF-8 are refused", () => {
  expect(() => read(Buffer.concat([Buffer.from(`${main}X: `), Buffer.from([0xff, 0x0a])]))).toThrow("is not UTF-8");
});
