import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "fflate";
import { describe, expect, onTestFinished, test } from "vitest";
import { block, type ForgedMember, forgeTar, pax, record } from "../../../../test/support/forge-tar.ts";
import { bytesOf, concat } from "../../../../test/support/forge-zip.ts";
import type { ArchiveReading } from "../archive.ts";
import { type ContainerLimits, containerLimits } from "../limits.ts";
import { inMemory, readArchive } from "../read-archive.ts";

const signal = new AbortController().signal;
const read = (bytes: Uint8Array, limits: Partial<ContainerLimits> = {}): Promise<ArchiveReading> =>
  readArchive(inMemory(bytes), { signal, limits: { ...containerLimits, ...limits } });
const hex = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const refused = (why: RegExp, basis = "unreadable") => ({
  ok: false,
  basis,
  why: expect.stringMatching(why) as string,
});

describe("GNU tar's archives", () => {
  const long = `${"d".repeat(120)}/${"e".repeat(120)}`;

  test.each([
    ["gnu", []],
    ["pax", []],
    ["gnu", ["--gzip"]],
    ["pax", ["--gzip"]],
  ])("%s %j: names, links, modes and digests as tar -x makes them", async (format, more) => {
    const folder = mkdtempSync(join(tmpdir(), "provost-tar-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, "a", long), { recursive: true });
    writeFileSync(join(folder, "a/file"), "one", { mode: 0o755 });
    linkSync(join(folder, "a/file"), join(folder, "a/same"));
    symlinkSync("file", join(folder, "a/sym"));
    writeFileSync(join(folder, "a", long, "deep"), "z".repeat(100_000));
    writeFileSync(join(folder, "a/empty"), "");
    const names = ["./a/file", "./a/same", "./a/sym", "./a/empty", `./a/${long}/deep`];
    const bytes = execFileSync("tar", ["-c", `--format=${format}`, ...more, "-C", folder, ...names]);
    const reading = await read(bytes);
    expect(reading).toMatchObject({
      ok: true,
      contents: {
        container: "tar",
        sha256: hex(bytes),
        size: bytes.length,
        entries: [
          { kind: "file", path: "a/file", size: 3, mode: 0o755, sha256: hex("one") },
          { kind: "hard-link", path: "a/same", target: "a/file", sha256: hex("one") },
          { kind: "symlink", path: "a/sym", target: "file" },
          { kind: "file", path: "a/empty", size: 0, sha256: hex("") },
          { kind: "file", path: `a/${long}/deep`, sha256: hex("z".repeat(100_000)) },
        ],
      },
    });
  });
});

test("a stream in pieces of one byte is read as the whole is", async () => {
  const bytes = gzipSync(
    forgeTar([
      { name: "a", data: "one" },
      { name: "b/", type: "5" },
    ]),
  );
  async function* drops(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 1) yield bytes.subarray(at, at + 1);
  }
  const dropped = await readArchive(drops(), { signal });
  expect(dropped).toEqual(await read(bytes));
  expect(await readArchive(Readable.from([bytes]), { signal })).toEqual(dropped);
  expect(dropped).toMatchObject({
    ok: true,
    contents: { entries: [{ path: "a", sha256: hex("one") }, { path: "b" }] },
  });
});

describe("what two readers would see differently is refused by name", () => {
  const a: ForgedMember = { name: "a", data: "one" };
  test.each<[string, RegExp, Uint8Array]>([
    ["a second archive behind the end", /behind the end/, concat([forgeTar([a]), forgeTar([{ name: "b" }])])],
    [
      "one block behind the end",
      /behind the end/,
      concat([forgeTar([a], new Uint8Array(block)), bytesOf("x".repeat(block))]),
    ],
    ["no end", /no end-of-archive/, forgeTar([a], new Uint8Array(0))],
    ["a name twice", /the path a twice/, forgeTar([a, a])],
    ["a name twice in two spellings", /the path a twice/, forgeTar([a, { name: "./a" }])],
    ["a file below a link", /no folder/, forgeTar([{ name: "a", type: "2", target: "/etc" }, { name: "a/b" }])],
    ["a hard link to nothing", /does not stand before/, forgeTar([{ name: "a", type: "1", target: "b" }])],
    ["a hard link with bytes", /is no file/, forgeTar([a, { name: "b", type: "1", target: "a", data: "two" }])],
    ["a folder with bytes", /is no file/, forgeTar([{ name: "b", type: "5", data: "two" }])],
    ["a link to nothing", /target is empty/, forgeTar([{ name: "a", type: "2" }])],
    ["a wrong checksum", /checksum/, forgeTar([a, { name: "b", badSum: true }])],
    ["a name said twice", /path said twice/, forgeTar([pax({ path: "x" }), { name: "L", type: "L", data: "y" }, a])],
    [
      "a record said twice",
      /one thing twice/,
      forgeTar([{ name: "p", type: "x", data: record("path", "x") + record("path", "y") }, a]),
    ],
    ["a name for all members", /all members at once/, forgeTar([pax({ path: "x" }, "g"), a])],
    ["a size for all members", /all members at once/, forgeTar([pax({ size: "0" }, "g"), a])],
    ["a sparse file", /sparse/, forgeTar([pax({ "GNU.sparse.major": "1" }), a])],
    ["a NUL in a pax name", /NUL/, forgeTar([pax({ path: "x\0y" }), a])],
    ["a size that is no number", /size is malformed/, forgeTar([pax({ size: "-1" }), a])],
    ["a prefix of an unknown version", /first half/, oddVersion()],
    ["an absolute path", /absolute path/, forgeTar([{ name: "/etc/passwd" }])],
    ["a path that climbs", /unsafe path/, forgeTar([{ name: "a/../../b" }])],
    ["an empty segment", /unsafe path/, forgeTar([{ name: "a//b" }])],
    ["no name", /without a name/, forgeTar([{ name: "", mode: 1 }, a].toReversed())],
    ["bytes behind a gzip file", /deflate|gzip/, concat([gzipSync(forgeTar([a])), bytesOf("x")])],
    ["a second gzip member", /deflate|gzip/, concat([gzipSync(forgeTar([a])), gzipSync(new Uint8Array(block))])],
    ["a gzip file that is cut short", /deflate|gzip/, gzipSync(forgeTar([a])).subarray(0, -9)],
    [
      "a gzip file with another checksum",
      /checksum/,
      gzipSync(forgeTar([a])).map((byte, at, all) => (at === all.length - 8 ? byte ^ 1 : byte)),
    ],
    [
      "a gzip file with another size",
      /size/,
      gzipSync(forgeTar([a])).map((byte, at, all) => (at === all.length - 1 ? byte ^ 1 : byte)),
    ],
    [
      "a gzip file with unknown flags",
      /gzip header/,
      gzipSync(forgeTar([a])).map((byte, at) => (at === 3 ? 0x80 : byte)),
    ],
    ["something else in a gzip file", /checksum/, gzipSync(bytesOf("x".repeat(block)))],
  ])("%s", async (_, why, bytes) => {
    expect(await read(bytes)).toEqual(refused(why));
  });
});

/** A ustar header of version "01" with a prefix, its checksum mended. */
function oddVersion(): Uint8Array {
  const bytes = forgeTar([{ name: "a" }]);
  bytes.set(bytesOf("01"), 263);
  bytes.set(bytesOf("etc"), 345);
  bytes.set(bytesOf(" ".repeat(8)), 148);
  const sum = bytes.subarray(0, block).reduce((total, byte) => total + byte, 0);
  bytes.set(bytesOf(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return bytes;
}

describe("what is not read is unsupported", () => {
  test.each<[string, RegExp, Uint8Array]>([
    ["a character device", /a device/, forgeTar([{ name: "a", type: "3" }])],
    ["a block device", /a device/, forgeTar([{ name: "a", type: "4" }])],
    ["GNU's sparse files", /type "S"/, forgeTar([{ name: "a", type: "S" }])],
    ["a name that is not UTF-8", /not UTF-8/, forgeTar([{ name: Uint8Array.of(0xe4) }])],
    [
      "xz without a decompressor",
      /packed with xz/,
      concat([Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), new Uint8Array(block)]),
    ],
    ["no archive", /no archive/, bytesOf("#!/bin/sh\n")],
    ["nothing", /no archive/, new Uint8Array(0)],
  ])("%s", async (_, why, bytes) => {
    expect(await read(bytes)).toEqual(refused(why, "unsupported"));
  });
});

test("a stream that gives nothing more is left when time is up, and one that fails is a value", async () => {
  const stop = new AbortController();
  async function* stuck(): AsyncGenerator<Uint8Array> {
    yield forgeTar([{ name: "a", data: "one" }]).subarray(0, block);
    setImmediate(() => stop.abort());
    await new Promise(() => undefined);
  }
  expect(await readArchive(stuck(), { signal: stop.signal })).toMatchObject({ ok: false, basis: "deadline" });
  let open = true;
  async function* failing(): AsyncGenerator<Uint8Array> {
    try {
      yield forgeTar([{ name: "../a", data: "one" }]);
      throw new Error("EIO");
    } finally {
      open = false;
    }
  }
  expect(await readArchive(failing(), { signal })).toMatchObject({ ok: false, basis: "unreadable" });
  expect(open).toBe(false);
});

test("an archive in an archive is a file", async () => {
  const inner = gzipSync(forgeTar([{ name: "b", data: "two" }]));
  expect(await read(forgeTar([{ name: "inner.tgz", data: inner }]))).toMatchObject({
    ok: true,
    contents: { entries: [{ path: "inner.tgz", sha256: hex(inner) }] },
  });
});

describe("each bound has its answer for full", () => {
  const two = forgeTar([
    { name: "abc", data: "one" },
    { name: "d", data: "two" },
  ]);
  const bomb = gzipSync(forgeTar([{ name: "a", data: new Uint8Array(2_000_000) }]));
  test.each<[string, RegExp, Uint8Array, Partial<ContainerLimits>]>([
    ["entries", /more than 1/, two, { entries: 1 }],
    [
      "headers that say something of the next",
      /more than 4 members/,
      forgeTar(Array.from({ length: 5 }, () => pax({}, "g"))),
      { entries: 1 },
    ],
    ["the length of a path", /a name of 3 bytes/, two, { pathBytes: 2 }],
    ["one entry", /an entry of 3 bytes/, two, { entryBytes: 2 }],
    ["all entries", /unpacks to more than 1000000 bytes/, bomb, { unpackedBytes: 1_000_000 }],
    ["the ratio", /more than 100 times/, bomb, { ratio: 100, ratioFrom: 1000 }],
  ])("%s", async (_, why, bytes, limits) => {
    expect(await read(bytes, limits)).toEqual(refused(why));
  });

  test("a gzip header without an end", async () => {
    const header = Uint8Array.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3);
    expect(await read(concat([header, new Uint8Array(1 << 18).fill(0x61)]))).toEqual(
      refused(/gzip header of more than/),
    );
  });
});

test("no cut of a packed tar is a whole one", async () => {
  const bytes = gzipSync(forgeTar([{ name: "a", data: "one" }]));
  expect(gunzipSync(bytes).length).toBe(4 * block);
  for (let cut = 0; cut < bytes.length; cut += 1) expect((await read(bytes.subarray(0, cut))).ok).toBe(false);
});
