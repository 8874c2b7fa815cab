import { assert, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import { readStatus } from "./status.ts";

const stanza = (name: string, more = "") =>
  `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n${more}\n`;
const read = (...chunks: readonly (string | Uint8Array)[]) => [
  ...readStatus(chunks.map((chunk) => (typeof chunk === "string" ? Buffer.from(chunk) : chunk))),
];
const summary = (items: ReturnType<typeof read>) =>
  items.map((item) => (item.kind === "package" ? item.name : item.why));

test("a stanza gives what the package says of itself", () => {
  const text =
    "Maintainer: M <m@x.test>\nSource: src (2:1.0)\nConffiles:\n /etc/a 0123456789abcdef0123456789abcdef obsolete\n /etc/b newconffile\nDescription: d\n more\n";
  expect(read(stanza("bash", text))).toEqual([
    {
      kind: "package",
      name: "bash",
      version: "1.0-1",
      arch: "amd64",
      state: "installed",
      maintainer: "M <m@x.test>",
      source: { name: "src", version: "2:1.0" },
      conffiles: [{ path: "/etc/a", md5: "0123456789abcdef0123456789abcdef" }, { path: "/etc/b" }],
    },
  ]);
});

test("however the file is cut into chunks, the same is read", () => {
  const text = Buffer.from(stanza("a") + stanza("b"));
  for (let at = 0; at < text.length; at += 1) {
    // One buffer used again for every chunk, as a reader of files does.
    const reused = Buffer.alloc(text.length);
    const chunks = function* () {
      for (const part of [text.subarray(0, at), text.subarray(at)]) yield reused.subarray(0, part.copy(reused));
    };
    expect(summary([...readStatus(chunks())])).toEqual(["a", "b"]);
  }
});

test.each([
  ["a name that climbs", stanza("../../etc/passwd"), "a stanza: its name is not a package name"],
  ["a NUL", stanza("x", "Maintainer: a\0b\n"), "package x: line 10 holds a NUL"],
  [
    "no version",
    "Package: x\nStatus: install ok installed\nArchitecture: all\n\n",
    "package x: it has no Version field",
  ],
  ["no name", "Version: 1\n\n", "a stanza: it has no Package field"],
  ["a malformed version", stanza("x").replace("1.0-1", "1 0"), "package x: its version is malformed"],
  ["a malformed status", stanza("x").replace("install ok installed", "install"), "package x: its Status is malformed"],
  ["a field twice", stanza("x", "Version: 2\n"), "package x: line 10 repeats the field version"],
  ["a line that is no field", stanza("x", "nonsense\n"), "package x: line 10 is no field"],
  [
    "a conffile that is no path",
    stanza("x", "Conffiles:\n etc 123\n"),
    "package x: a line of Conffiles that is malformed",
  ],
  [
    "an endless line",
    stanza("x", `Description: ${"a".repeat(70_000)}\n`),
    "package x: line 10 is longer than 65536 bytes",
  ],
])("%s costs that stanza only", (_name, damaged, why) => {
  expect(summary(read(stanza("before"), damaged, stanza("after")))).toEqual(["before", why, "after"]);
});

test("a file that ends in the middle of a line: the last package is not believed", () => {
  const text = stanza("a") + stanza("b");
  expect(summary(read(text.slice(0, text.indexOf("1.0-1", 90) + 2)))).toEqual([
    "a",
    "package b: the file ends in the middle of line 9",
  ]);
});

test("a line of 300 MB takes no memory of that size", () => {
  const piece = Buffer.alloc(1024 * 1024, 0x61);
  const chunks = function* () {
    yield Buffer.from("Package: x\nDescription: ");
    for (let count = 0; count < 300; count += 1) yield piece;
    yield Buffer.from(`\n\n${stanza("after")}`);
  };
  const before = process.memoryUsage().arrayBuffers;
  expect(summary([...readStatus(chunks())])).toEqual(["package x: line 2 is longer than 65536 bytes", "after"]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
});

test("any bytes end in packages and faults", () => {
  assert(
    property(uint8Array({ maxLength: 2000 }), (bytes) => {
      expect(read(bytes).every((item) => item.kind === "fault")).toBe(true);
    }),
  );
});
