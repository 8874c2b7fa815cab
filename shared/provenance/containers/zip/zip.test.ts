import { createHash } from "node:crypto";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "fflate";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  bytesOf,
  concat,
  type ForgedEnd,
  type ForgedEntry,
  forgeZip,
  u16,
  u32,
  u64,
} from "../../../../test/support/forge-zip.ts";
import type { ArchiveReading } from "../archive.ts";
import { crc32 } from "../crc32.ts";
import { type ContainerLimits, containerLimits } from "../limits.ts";
import { inMemory, readArchive } from "../read-archive.ts";

const signal = new AbortController().signal;
const read = (bytes: Uint8Array, limits: Partial<ContainerLimits> = {}): Promise<ArchiveReading> =>
  readArchive(inMemory(bytes), { signal, limits: { ...containerLimits, ...limits } });
const hex = (algorithm: string, bytes: string | Uint8Array): string =>
  createHash(algorithm).update(bytes).digest("hex");
const plain: readonly ForgedEntry[] = [
  { name: "a", data: "one" },
  { name: "b/c", data: "two", stored: true },
];

test("a zip is read whole: digests of the archive and of each entry", async () => {
  const bytes = forgeZip([
    { name: "b/", stored: true, mode: 0o040755 },
    { name: "b/c", data: "two", mode: 0o100755 },
  ]);
  const reading = await readArchive(inMemory(bytes), {
    signal,
    digests: ["sha1", "sha512"],
    keep: (path) => path === "b/c",
  });
  expect(reading).toEqual({
    ok: true,
    contents: {
      container: "zip",
      sha256: hex("sha256", bytes),
      sha512: hex("sha512", bytes),
      size: bytes.length,
      entries: [
        { kind: "folder", path: "b", mode: 0o755 },
        {
          kind: "file",
          path: "b/c",
          size: 3,
          mode: 0o755,
          sha256: hex("sha256", "two"),
          digests: { sha1: hex("sha1", "two"), sha512: hex("sha512", "two") },
          bytes: bytesOf("two"),
        },
      ],
    },
  });
});

test("an empty zip holds nothing, a stream of one is unsupported", async () => {
  expect(await read(forgeZip([]))).toMatchObject({ ok: true, contents: { entries: [] } });
  async function* stream(): AsyncGenerator<Uint8Array> {
    yield* [forgeZip(plain)];
  }
  expect(await readArchive(stream(), { signal })).toMatchObject({ ok: false, basis: "unsupported" });
});

const descriptor = (data: string, packed: number): Uint8Array =>
  u32(0x08074b50, crc32(bytesOf(data)), packed, bytesOf(data).length);
const zip64End = (entries: number, size: number, offset: number) => (at: number) =>
  concat([
    u32(0x06064b50),
    u64(44),
    u16(45, 45),
    u32(0, 0),
    u64(entries, entries, size, offset),
    u32(0x07064b50, 0),
    u64(at),
    u32(1),
  ]);
const oneLine = 46 + 1;
const zip64Extra = (...values: readonly number[]): Uint8Array =>
  concat([u16(0x0001, values.length * 8), u64(...values)]);

describe("forms that are read", () => {
  test.each<[string, readonly ForgedEntry[], ForgedEnd]>([
    [
      "a data descriptor behind the data",
      [
        {
          name: "a",
          data: "one",
          flags: 8,
          local: { crc: 0, size: 0, packedSize: 0 },
          descriptor: descriptor("one", deflateSync(bytesOf("one")).length),
        },
      ],
      {},
    ],
    ["a comment", [{ name: "a", data: "one" }], { comment: bytesOf("by hand") }],
    [
      "zip64 sizes in both headers",
      [
        {
          name: "a",
          data: "one",
          stored: true,
          local: { size: 0xffffffff, packedSize: 0xffffffff, extra: zip64Extra(3, 3) },
          line: { size: 0xffffffff, packedSize: 0xffffffff, extra: zip64Extra(3, 3) },
        },
      ],
      {},
    ],
    [
      "a zip64 end record",
      [{ name: "a", data: "one", stored: true }],
      { entries: 0xffff, directoryOffset: 0xffffffff, directorySize: 0xffffffff, before: zip64End(1, oneLine, 34) },
    ],
    ["a name in UTF-8 that says so", [{ name: "\u00e4", flags: 0x0800, data: "one" }], {}],
  ])("%s", async (_, entries, end) => {
    expect(await read(forgeZip(entries, end))).toMatchObject({
      ok: true,
      contents: { entries: [{ kind: "file", sha256: hex("sha256", "one") }] },
    });
  });
});

describe("what two readers would see differently is refused by name", () => {
  test.each<[string, RegExp, readonly ForgedEntry[], ForgedEnd]>([
    ["another name in the local header", /differ in their name/, [{ name: "a", local: { name: bytesOf("b") } }], {}],
    ["another method in the local header", /differ in their method/, [{ name: "a", local: { method: 0 } }], {}],
    ["other flags in the local header", /differ in their flags/, [{ name: "a", local: { flags: 0x0800 } }], {}],
    ["another size in the local header", /differ in their size/, [{ name: "a", data: "one", local: { size: 2 } }], {}],
    [
      "another packed size in the local header",
      /differ in their packed size/,
      [{ name: "a", data: "one", local: { packedSize: 2 } }],
      {},
    ],
    ["another CRC in the local header", /differ in their CRC/, [{ name: "a", data: "one", local: { crc: 2 } }], {}],
    [
      "another zip64 size in the local header",
      /differ in their size/,
      [{ name: "a", data: "one", stored: true, local: { extra: zip64Extra(2, 3) } }],
      {},
    ],
    [
      "a second name in an extra field",
      /second name/,
      [
        {
          name: "a",
          line: { extra: concat([u16(0x7075, 6), Uint8Array.of(1), u32(crc32(bytesOf("a"))), bytesOf("b")]) },
        },
      ],
      {},
    ],
    ["a name twice", /the path a twice/, [{ name: "a" }, { name: "a" }], {}],
    ["a name twice in two spellings", /the path a twice/, [{ name: "a" }, { name: "./a" }], {}],
    ["a file that is a folder too", /the path a twice/, [{ name: "a" }, { name: "a/" }], {}],
    ["a file below a file", /no folder/, [{ name: "a" }, { name: "a/b" }], {}],
    ["a file below a link", /no folder/, [{ name: "a", data: "/etc", mode: 0o120777 }, { name: "a/b" }], {}],
    [
      "entries that overlap",
      /share bytes/,
      [
        { name: "a", data: "one" },
        { name: "b", line: { offset: 0 } },
      ],
      {},
    ],
    ["bytes between two entries", /belong to no entry/, [{ name: "a", gap: bytesOf("gap") }, { name: "b" }], {}],
    ["bytes before the directory", /belong to no entry/, [{ name: "a", gap: bytesOf("gap") }], {}],
    [
      "an entry that the directory does not name",
      /belong to no entry|more bytes/,
      [{ name: "a" }, { name: "b" }],
      { entries: 1 },
    ],
    ["bytes behind the end", /bytes follow the end/, plain, { after: bytesOf("x") }],
    ["a second archive behind the first", /does not end where/, plain, { after: forgeZip(plain) }],
    ["a second archive in the comment", /does not end where/, plain, { comment: forgeZip(plain) }],
    ["a comment longer than the file", /bytes follow the end/, plain, { commentLength: 9 }],
    ["more lines than the directory has", /ends inside a line/, plain, { entries: 3 }],
    ["zip64 numbers that differ", /zip64 end record says something else/, plain, { before: zip64End(1, oneLine, 34) }],
    ["zip64 without its record", /no zip64 end record/, plain, { entries: 0xffff }],
    ["zip64 with a useless extra field", /more than is asked/, [{ name: "a", line: { extra: zip64Extra(0) } }], {}],
    ["zip64 sizes that are missing", /zip64 size or offset/, [{ name: "a", line: { size: 0xffffffff } }], {}],
    [
      "a data descriptor that differs",
      /data descriptor/,
      [{ name: "a", data: "one", stored: true, flags: 8, descriptor: descriptor("two", 3) }],
      {},
    ],
    ["an extra field longer than its header", /malformed extra/, [{ name: "a", line: { extra: u16(1, 9) } }], {}],
    ["an absolute path", /absolute path/, [{ name: "/etc/passwd" }], {}],
    ["a path that climbs", /unsafe path/, [{ name: "a/../../b" }], {}],
    ["a NUL in a name", /NUL/, [{ name: "a\0b" }], {}],
    ["a name without letters", /without a name/, [{ name: "" }], {}],
    ["a backslash", /backslash/, [{ name: "a\\b" }], {}],
    ["a folder with bytes", /folder that is something else/, [{ name: "a/", data: "one" }], {}],
    ["a folder without a slash", /without a slash/, [{ name: "a", mode: 0o040755 }], {}],
    ["a stored entry of two sizes", /two sizes/, [{ name: "a", data: "one", stored: true, line: { size: 2 } }], {}],
    ["bytes behind a deflate stream", /deflate stream/, [{ name: "a", data: "", packed: Uint8Array.of(3, 0, 1) }], {}],
    ["a deflate stream that is cut short", /deflate stream/, [{ name: "a", data: "", packed: Uint8Array.of(5) }], {}],
    ["a deflate stream that is none", /deflate stream/, [{ name: "a", data: "", packed: Uint8Array.of(7) }], {}],
    [
      "a size that is too small",
      /more bytes than the directory/,
      [{ name: "a", data: "one", line: { size: 2 }, local: { size: 2 } }],
      {},
    ],
    [
      "a size that is too large",
      /fewer bytes than the directory/,
      [{ name: "a", data: "one", line: { size: 4 }, local: { size: 4 } }],
      {},
    ],
    ["a wrong CRC", /CRC/, [{ name: "a", data: "one", line: { crc: 1 }, local: { crc: 1 } }], {}],
  ])("%s", async (_, why, entries, end) => {
    expect(await read(forgeZip(entries, end))).toEqual({
      ok: false,
      basis: "unreadable",
      why: expect.stringMatching(why) as string,
    });
  });

  test("bytes before the archive", async () => {
    const shell = concat([bytesOf("PK\u0003\u0004#!/bin/sh\n"), forgeZip(plain)]);
    expect(await read(shell)).toMatchObject({ ok: false, basis: "unreadable" });
  });
});

describe("what is not read is unsupported", () => {
  test.each<[string, RegExp, readonly ForgedEntry[], ForgedEnd]>([
    ["an encrypted entry", /encrypted/, [{ name: "a", flags: 1 }], {}],
    ["masked headers", /encrypted/, [{ name: "a", flags: 0x2000 }], {}],
    ["patch data", /patch data/, [{ name: "a", flags: 0x20 }], {}],
    ["another method", /method 12/, [{ name: "a", line: { method: 12 }, local: { method: 12 } }], {}],
    [
      "a stored entry whose length comes behind it",
      /only said behind it/,
      [
        {
          name: "a",
          data: "one",
          stored: true,
          flags: 8,
          local: { crc: 0, size: 0, packedSize: 0 },
          descriptor: descriptor("one", 3),
        },
      ],
      {},
    ],
    ["several parts", /several parts/, [{ name: "a" }], { disk: 1 }],
    ["a device", /device/, [{ name: "a", mode: 0o020644 }], {}],
    ["a name in an unnamed code page", /not marked as UTF-8/, [{ name: Uint8Array.of(0xe4) }], {}],
    ["a name that is not UTF-8", /not UTF-8/, [{ name: Uint8Array.of(0xe4), flags: 0x0800 }], {}],
  ])("%s", async (_, why, entries, end) => {
    expect(await read(forgeZip(entries, end))).toEqual({
      ok: false,
      basis: "unsupported",
      why: expect.stringMatching(why) as string,
    });
  });
});

describe("each bound has its answer for full", () => {
  const bomb = forgeZip([{ name: "a", data: new Uint8Array(2_000_000) }]);
  test.each<[string, RegExp, Uint8Array, Partial<ContainerLimits>]>([
    ["entries", /more than 1 entries/, forgeZip(plain), { entries: 1 }],
    ["the length of a path", /a name of 3 bytes, more than 2/, forgeZip(plain), { pathBytes: 2 }],
    [
      "the length of a link",
      /a link target of 9 bytes/,
      forgeZip([{ name: "a", data: "somewhere", mode: 0o120777 }]),
      { pathBytes: 8 },
    ],
    ["one entry", /an entry of 3 bytes, more than 2/, forgeZip(plain), { entryBytes: 2 }],
    ["all entries", /unpacks to more than 5 bytes/, forgeZip(plain), { unpackedBytes: 5 }],
    ["the ratio", /more than 100 times/, bomb, { ratio: 100, ratioFrom: 1000 }],
    ["the directory", /a zip directory of 96 bytes/, forgeZip(plain), { headerBytes: 95 }],
  ])("%s", async (_, why, bytes, limits) => {
    expect(await read(bytes, limits)).toMatchObject({
      ok: false,
      basis: "unreadable",
      why: expect.stringMatching(why) as string,
    });
  });

  test.each<[string, Partial<ContainerLimits>]>([
    ["one entry", { keptEntryBytes: 2 }],
    ["all entries", { keptBytes: 5 }],
  ])("bytes that are kept: %s", async (_, limits) => {
    const options = { signal, keep: () => true, limits: { ...containerLimits, ...limits } };
    expect(await readArchive(inMemory(forgeZip(plain)), options)).toMatchObject({
      ok: false,
      why: expect.stringMatching(/has to be held/) as string,
    });
  });

  test("time", async () => {
    const stopped = AbortSignal.abort();
    expect(await readArchive(inMemory(forgeZip(plain)), { signal: stopped })).toMatchObject({
      ok: false,
      basis: "deadline",
    });
  });
});

test("no cut and no changed byte lets other contents stand for the archive", async () => {
  const bytes = forgeZip([
    ...plain,
    {
      name: "s",
      data: "x".repeat(100),
      flags: 8,
      local: { crc: 0, size: 0, packedSize: 0 },
      descriptor: concat([u32(0x08074b50), u32(crc32(bytesOf("x".repeat(100))), 5, 100)]),
    },
  ]);
  const first = hex("sha256", bytes);
  expect(await read(bytes)).toMatchObject({ ok: true, contents: { sha256: first } });
  for (let cut = 0; cut < bytes.length; cut += 1) expect((await read(bytes.subarray(0, cut))).ok).toBe(false);
  for (let at = 0; at < bytes.length; at += 1)
    for (const bit of [1, 0x80]) {
      const mutant = Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ bit : byte));
      const reading = await read(mutant);
      expect(reading.ok && reading.contents.sha256 === first).toBe(false);
    }
});

describe("as other programs write it", () => {
  const listed = (reading: ArchiveReading): Record<string, string> => {
    if (!reading.ok) throw new Error(reading.why);
    return Object.fromEntries(
      reading.contents.entries.map((entry) => [
        entry.path,
        entry.kind === "file" ? entry.sha256 : entry.kind === "symlink" ? entry.target : entry.kind,
      ]),
    );
  };

  test.skipIf(spawnSync("zip", ["-v"]).status !== 0)("zip, into a file and into a pipe", async () => {
    const folder = mkdtempSync(join(tmpdir(), "provost-zip-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "a"), "one");
    writeFileSync(join(folder, "b c"), "z".repeat(10_000));
    symlinkSync("a", join(folder, "link"));
    const want = { a: hex("sha256", "one"), "b c": hex("sha256", "z".repeat(10_000)), link: "a" };
    execFileSync("zip", ["-q", "--symlinks", "out.zip", "a", "b c", "link"], {
      cwd: folder,
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    });
    expect(listed(await read(readFileSync(join(folder, "out.zip"))))).toEqual(want);
    const piped = execFileSync("zip", ["-q", "-", "a"], { cwd: folder });
    expect(listed(await read(piped))).toEqual({ a: want.a });
  });

  test.skipIf(spawnSync("python3", ["--version"]).status !== 0)("python's zipfile, also as a stream", async () => {
    const program = [
      "import sys, zipfile",
      "class Pipe:",
      "  def write(self, b): return sys.stdout.buffer.write(b)",
      "  def flush(self): pass",
      "z = zipfile.ZipFile(Pipe(), 'w', zipfile.ZIP_DEFLATED)",
      "z.writestr('a/b', 'one'); z.writestr('\u00e4', 'two'); z.close()",
    ].join("\n");
    const bytes = execFileSync("python3", ["-c", program], { env: { ...process.env, LC_ALL: "C.UTF-8" } });
    expect(listed(await read(bytes))).toEqual({ "a/b": hex("sha256", "one"), "\u00e4": hex("sha256", "two") });
  });
});
