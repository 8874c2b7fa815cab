import { zlibSync } from "fflate";
import { assert, integer, property, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { readCargoAuditable } from "./cargo-auditable.ts";
import type { ByteSource } from "./elf.ts";
import { readGoBuildInfo } from "./go-build-info.ts";
import { readSelfClaims } from "./self-claims.ts";

const source = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});

interface Section {
  readonly name: string;
  readonly type: number;
  readonly bytes: Buffer;
}
interface Shape {
  readonly wide: boolean;
  readonly little: boolean;
}

/** An ELF file of nothing but sections, as the ABI lays it out. */
function elf(sections: readonly Section[], { wide, little }: Shape = { wide: true, little: true }): Buffer {
  const all = [{ name: "", type: 0, bytes: Buffer.alloc(0) }, ...sections];
  const names = Buffer.from([...all.map(({ name }) => name), ".shstrtab"].join("\0") + "\0");
  const stored = [...all, { name: ".shstrtab", type: 3, bytes: names }];
  const entry = wide ? 64 : 40;
  const head = Buffer.alloc(wide ? 64 : 52);
  head.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2]);
  const put = (to: Buffer, at: number, value: number, length: number): void => {
    for (let index = 0; index < length; index += 1)
      to[little ? at + index : at + length - 1 - index] = Math.floor(value / 256 ** index) % 256;
  };
  put(head, wide ? 40 : 32, head.length, wide ? 8 : 4);
  put(head, wide ? 58 : 46, entry, 2);
  put(head, wide ? 60 : 48, stored.length, 2);
  put(head, wide ? 62 : 50, stored.length - 1, 2);
  let offset = head.length + entry * stored.length;
  const table = stored.map(({ name, type, bytes }) => {
    const row = Buffer.alloc(entry);
    put(row, 0, names.indexOf(`${name}\0`), 4);
    put(row, 4, type, 4);
    put(row, wide ? 24 : 16, offset, wide ? 8 : 4);
    put(row, wide ? 32 : 20, bytes.length, wide ? 8 : 4);
    offset += bytes.length;
    return row;
  });
  return Buffer.concat([head, ...table, ...stored.map(({ bytes }) => bytes)]);
}

function note(owner: string, type: number, bytes: Uint8Array, little = true): Buffer {
  const name = Buffer.from(`${owner}\0`);
  const head = Buffer.alloc(12);
  for (const [at, value] of [name.length, bytes.length, type].entries())
    if (little) head.writeUInt32LE(value, at * 4);
    else head.writeUInt32BE(value, at * 4);
  const filled = (part: Uint8Array): Buffer => Buffer.concat([part, Buffer.alloc((4 - (part.length % 4)) % 4)]);
  return Buffer.concat([head, filled(name), filled(bytes)]);
}

const sized = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  for (let left = bytes.length; ; left = Math.floor(left / 128)) {
    length.push(left < 128 ? left : (left % 128) + 128);
    if (left < 128) break;
  }
  return Buffer.concat([Buffer.from(length), bytes]);
};
const goSection = (lines: string): Buffer =>
  Buffer.concat([
    Buffer.from("\u00ff Go buildinf:\u0008\u0002", "latin1"),
    Buffer.alloc(16),
    sized("go1.26.8"),
    sized(`0123456789abcdef${lines}0123456789abcdef`),
  ]);

const goLines =
  "path\texample.org/tool/cmd\nmod\texample.org/tool\tv1.2.3\th1:a=\ndep\tgolang.org/x/sys\tv0.1.0\th1:b=\n" +
  "dep\texample.org/old\tv1.0.0\th1:c=\n=>\texample.org/new\tv1.0.1\th1:d=\ndep\texample.org/mine\tv0.0.0\n=>\t./mine\t(devel)\t\nbuild\tvcs.revision=abc\nbuild\t-ldflags=-X a=b\n";

describe("what a program says of itself", () => {
  test.each<readonly [string, Shape]>([
    ["64 bits, little end first", { wide: true, little: true }],
    ["64 bits, big end first", { wide: true, little: false }],
    ["32 bits, little end first", { wide: false, little: true }],
    ["32 bits, big end first", { wide: false, little: false }],
  ])("%s: build id and package note", (_name, shape) => {
    const file = elf(
      [
        { name: ".note.gnu.build-id", type: 7, bytes: note("GNU", 3, Buffer.from("c0ffee", "hex"), shape.little) },
        {
          name: ".note.package",
          type: 7,
          bytes: note(
            "FDO",
            0xcafe1a7e,
            Buffer.from('{"type":"deb","name":"a\\u001b","version":"1","n":1}\0'),
            shape.little,
          ),
        },
      ],
      shape,
    );
    expect(readSelfClaims(source(file))).toEqual({
      buildId: "c0ffee",
      packageNote: [
        ["type", "deb"],
        ["name", "a\\x1b"],
        ["version", "1"],
      ],
    });
  });

  test("Go's modules, replacements in the place of what they replace, and its settings", () => {
    const file = elf([{ name: ".go.buildinfo", type: 1, bytes: goSection(goLines) }]);
    expect(readSelfClaims(source(file)).go).toEqual({
      goVersion: "go1.26.8",
      path: "example.org/tool/cmd",
      main: { path: "example.org/tool", version: "v1.2.3", sum: "h1:a=" },
      modules: [
        { path: "golang.org/x/sys", version: "v0.1.0", sum: "h1:b=" },
        { path: "example.org/new", version: "v1.0.1", sum: "h1:d=" },
        { path: "example.org/mine", version: "v0.0.0", replacedBy: "./mine" },
      ],
      settings: [
        ["vcs.revision", "abc"],
        ["-ldflags", "-X a=b"],
      ],
    });
  });

  test("cargo-auditable's crates", () => {
    const packages = [
      { name: "app", version: "0.1.0", source: "local", root: true, dependencies: [1, 99, -1, 0.5] },
      { name: "libc", version: "0.2.0", source: "crates.io" },
    ];
    const section = Buffer.from(zlibSync(Buffer.from(JSON.stringify({ packages }))));
    expect(readSelfClaims(source(elf([{ name: ".dep-v0", type: 1, bytes: section }]))).crates).toEqual([
      { name: "app", version: "0.1.0", source: "local", root: true, dependencies: [1] },
      { name: "libc", version: "0.2.0", source: "crates.io", root: false, dependencies: [] },
    ]);
  });
});

describe("what is malformed says nothing", { timeout: 60_000 }, () => {
  test.each([
    ["no ELF", Buffer.from("#!/bin/sh\n")],
    ["an empty file", Buffer.alloc(0)],
    ["only the magic", Buffer.from("\u007fELF", "latin1")],
    ["only a header", elf([]).subarray(0, 64)],
    ["zeros", Buffer.alloc(4096)],
  ])("%s", (_name, bytes) => {
    expect(readSelfClaims(source(bytes))).toEqual({});
  });

  test.each([
    [
      "a note longer than its section",
      [{ name: ".n", type: 7, bytes: note("GNU", 3, Buffer.alloc(20)).subarray(0, 20) }],
    ],
    ["a package note that is no JSON", [{ name: ".n", type: 7, bytes: note("FDO", 0xcafe1a7e, Buffer.from("{")) }]],
    [
      "a package note that is deep",
      [{ name: ".n", type: 7, bytes: note("FDO", 0xcafe1a7e, Buffer.from("[".repeat(999))) }],
    ],
    ["another owner's note", [{ name: ".n", type: 7, bytes: note("XXX", 3, Buffer.alloc(20)) }]],
    ["Go of another form", [{ name: ".go.buildinfo", type: 1, bytes: Buffer.alloc(64) }]],
    ["Go that is cut short", [{ name: ".go.buildinfo", type: 1, bytes: goSection(goLines).subarray(0, 60) }]],
    ["crates that are not compressed", [{ name: ".dep-v0", type: 1, bytes: Buffer.from("{}") }]],
  ])("%s", (_name, sections) => {
    expect(readSelfClaims(source(elf(sections)))).toEqual({});
  });

  test("a section that lies beyond the end of its file is not there", () => {
    const file = elf([{ name: ".dep-v0", type: 1, bytes: Buffer.alloc(1000) }]);
    expect(readSelfClaims(source(file.subarray(0, -500)))).toEqual({});
  });

  test("a bomb of zeros is stopped before it is unpacked", () => {
    const bomb = zlibSync(Buffer.alloc(200 * 1024 * 1024), { level: 9 });
    expect(bomb.length).toBeLessThan(1024 * 1024);
    expect(readCargoAuditable(bomb)).toBeUndefined();
  });

  test("more crates or modules than are read", () => {
    const packages = Array.from({ length: 20_001 }, () => ({ name: "a", version: "1", source: "local" }));
    expect(readCargoAuditable(zlibSync(Buffer.from(JSON.stringify({ packages }))))).toBeUndefined();
    expect(readGoBuildInfo(goSection("dep\ta\tv1\n".repeat(10_500)))?.modules).toHaveLength(10_000);
  });

  test("a length that never ends", () => {
    const section = Buffer.concat([goSection("").subarray(0, 32), Buffer.alloc(64, 0xff)]);
    expect(readGoBuildInfo(section)).toBeUndefined();
  });

  test("any byte of a file may be another, and any file may be any bytes: there is an answer", () => {
    const file = elf([
      { name: ".n", type: 7, bytes: note("GNU", 3, Buffer.alloc(20)) },
      { name: ".go.buildinfo", type: 1, bytes: goSection(goLines) },
      { name: ".dep-v0", type: 1, bytes: Buffer.from(zlibSync(Buffer.from('{"packages":[]}'))) },
    ]);
    assert(
      property(integer({ min: 0, max: file.length - 1 }), integer({ min: 0, max: 255 }), (at, value) => {
        const mutant = Buffer.from(file);
        mutant[at] = value;
        readSelfClaims(source(mutant));
      }),
      { numRuns: 2000 },
    );
    assert(property(uint8Array({ maxLength: 300 }), (bytes) => readGoBuildInfo(bytes) === undefined));
    assert(
      property(uint8Array({ maxLength: 300 }), (bytes) => {
        readSelfClaims(source(Buffer.concat([Buffer.from("\u007fELF", "latin1"), bytes])));
      }),
    );
  });
});
