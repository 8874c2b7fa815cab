import { createHash } from "node:crypto";
import { gzipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { type ForgedRpm, type ForgedRpmFile, forgeRpm, u32be } from "../../../../test/support/forge-rpm.ts";
import { bytesOf, concat } from "../../../../test/support/forge-zip.ts";
import type { ArchiveReading } from "../archive.ts";
import { type ContainerLimits, containerLimits } from "../limits.ts";
import { inMemory, readArchive } from "../read-archive.ts";

const signal = new AbortController().signal;
const read = (bytes: Uint8Array, limits: Partial<ContainerLimits> = {}): Promise<ArchiveReading> =>
  readArchive(inMemory(bytes), { signal, limits: { ...containerLimits, ...limits } });
const hex = (bytes: string): string => createHash("sha256").update(bytes).digest("hex");
const one: ForgedRpmFile = { path: "/usr/bin/one", data: "one", mode: 0o100755 };

test("files, links, folders, and files that share their bytes", async () => {
  const bytes = forgeRpm(
    [
      { path: "/usr/bin/same", data: "one", mode: 0o100755, inode: 7, links: 2, payload: { data: "" } },
      { ...one, inode: 7, links: 2 },
      { path: "/usr/bin/link", data: "one", mode: 0o120777 },
      { path: "/var/lib/x", mode: 0o040700 },
      { path: "/etc/e1", inode: 9, links: 2 },
      { path: "/etc/e2", inode: 9, links: 2 },
      { path: "/var/log/ghost", data: "later", ghost: true },
    ],
    { compressor: "gzip", pack: (cpio) => gzipSync(cpio) },
  );
  expect(await read(bytes)).toMatchObject({
    ok: true,
    contents: {
      container: "rpm",
      entries: [
        { kind: "file", path: "usr/bin/one", mode: 0o755, sha256: hex("one") },
        { kind: "hard-link", path: "usr/bin/same", target: "usr/bin/one", sha256: hex("one") },
        { kind: "symlink", path: "usr/bin/link", target: "one" },
        { kind: "folder", path: "var/lib/x", mode: 0o700 },
        { kind: "file", path: "etc/e1", size: 0 },
        { kind: "file", path: "etc/e2", size: 0 },
      ],
    },
  });
});

test.each<[string, ForgedRpm]>([
  ["gzip that nothing announces", { pack: (cpio) => gzipSync(cpio) }],
  ["no packing that nothing announces", {}],
])("a payload in %s", async (_, wanted) => {
  expect(await read(forgeRpm([one], wanted))).toMatchObject({
    ok: true,
    contents: { entries: [{ sha256: hex("one") }] },
  });
});

describe("what rpm would install differently from what the payload holds", () => {
  test.each<[string, RegExp, readonly ForgedRpmFile[], ForgedRpm]>([
    ["other bytes than listed", /of other bytes/, [{ ...one, payload: { data: "two" } }], {}],
    ["another size than listed", /differ about/, [{ ...one, payload: { data: "none" } }], {}],
    ["another mode than listed", /differ about/, [{ ...one, payload: { mode: 0o104755 } }], {}],
    [
      "another link than listed",
      /differ about the link/,
      [{ path: "/a", data: "b", mode: 0o120777, payload: { data: "c" } }],
      {},
    ],
    ["a file that is not listed", /does not list/, [one, { path: "/evil", unlisted: true }], {}],
    [
      "a link to other bytes than listed",
      /of other bytes/,
      [
        { path: "/a", data: "two", inode: 7, links: 2, payload: { data: "" } },
        { ...one, inode: 7, links: 2 },
      ],
      {},
    ],
    ["a path listed twice", /twice/, [one, one], {}],
    ["a path that climbs", /unsafe path|does not list/, [{ path: "/../a" }], {}],
    ["an absolute path", /absolute path/, [{ path: "/a", payload: { name: "/a" } }], {}],
    ["bytes behind the end", /behind the end/, [one], { behind: bytesOf("x") }],
    ["a payload that is no cpio", /cpio header/, [one], { pack: (cpio) => cpio.map((byte) => byte ^ 1) }],
    ["a payload that is cut short", /cut short/, [one], { pack: (cpio) => cpio.subarray(0, -20) }],
  ])("%s", async (_, why, files, wanted) => {
    expect(await read(forgeRpm(files, wanted))).toEqual({
      ok: false,
      basis: "unreadable",
      why: expect.stringMatching(why) as string,
    });
  });
});

describe("what is not read is unsupported", () => {
  test.each<[string, RegExp, readonly ForgedRpmFile[], ForgedRpm]>([
    ["a device", /a device/, [{ path: "/dev/x", mode: 0o020600 }], {}],
    ["drpm", /format drpm/, [one], { format: "drpm" }],
    ["another compressor", /not read/, [one], { compressor: "br" }],
    ["zstd without a decompressor", /packed with zstd/, [one], { compressor: "zstd" }],
    ["files above 4 GiB", /4 GiB/, [one], { magic: "07070X" }],
  ])("%s", async (_, why, files, wanted) => {
    expect(await read(forgeRpm(files, wanted))).toEqual({
      ok: false,
      basis: "unsupported",
      why: expect.stringMatching(why) as string,
    });
  });
});

describe("a header that lies about itself", () => {
  const good = forgeRpm([one]);
  const header = 96 + 16 + 16 + 4 + 4;
  const changed = (at: number, value: number): Uint8Array =>
    concat([good.subarray(0, at), u32be(value), good.subarray(at + 4)]);

  test.each<[string, RegExp, Uint8Array]>([
    ["without its mark", /without its mark/, changed(header, 0)],
    ["more tags than bytes", /cut short/, changed(header + 8, 1000)],
    ["larger than allowed", /more than 67108864/, changed(header + 12, 0x7fffffff)],
    ["a tag outside of it", /outside its rpm header/, changed(header + 16 + 8, 0x7fffffff)],
    ["a tag twice", /twice in one rpm header/, changed(header + 16 + 16, 1028)],
    [
      "more numbers than it holds",
      /outside their rpm header|outside its rpm header/,
      changed(header + 16 + 12, 1_000_000),
    ],
    ["text that is none", /is no text/, changed(header + 16 + 2 * 16 + 4, 4)],
  ])("%s", async (_, why, bytes) => {
    expect(await read(bytes)).toEqual({ ok: false, basis: "unreadable", why: expect.stringMatching(why) as string });
  });

  test("no cut of a package is a whole one, and each bound has its answer for full", async () => {
    for (let cut = 0; cut < good.length; cut += 5) expect((await read(good.subarray(0, cut))).ok).toBe(false);
    for (const limits of [{ entries: 0 }, { headerBytes: 100 }, { pathBytes: 5 }, { entryBytes: 2 }])
      expect(await read(good, limits)).toMatchObject({ ok: false, basis: "unreadable" });
  });
});
