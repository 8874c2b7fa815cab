import { expect, test } from "vitest";
import {
  forgeAr,
  forgeControl,
  forgeDeb,
  forgeTar,
  sha256Of,
  type TarFile,
  xz,
} from "../../../../test/support/forge-archive.ts";
import { type DebLimits, debLimits } from "./limits.ts";
import { readDeb } from "./read-deb.ts";

const tool = { name: "tool", version: "1.0-1", arch: "amd64" };
const limits: DebLimits = {
  ...debLimits,
  unpackedBytes: 64 << 20,
  ratio: 100,
  ratioFrom: 1 << 20,
  fileBytes: 32 << 20,
  milliseconds: 20_000,
};
const binary: readonly [string, Buffer] = ["debian-binary", Buffer.from("2.0\n")];

async function read(deb: Buffer, step = 65_536, bounds = limits) {
  const reader = readDeb(bounds, new AbortController().signal);
  for (let at = 0; at < deb.length; at += step) await reader.write(deb.subarray(at, at + step));
  return reader.end();
}

const whyOf = async (deb: Buffer, bounds = limits) => {
  const { contents } = await read(deb, 65_536, bounds);
  return contents.kind === "refused" ? contents.why : "read";
};

test("a package gives its files, links, scripts and what its scripts mention", async () => {
  const deb = await forgeDeb(
    tool,
    [
      { name: "./", type: "directory" },
      { name: "./usr/bin/", type: "directory" },
      { name: "./usr/bin/tool", content: "hello", mode: 0o4755 },
      { name: "./usr/bin/hard", type: "link", linkname: "./usr/bin/tool" },
      { name: "./usr/bin/soft", type: "symlink", linkname: "tool" },
      { name: `./usr/share/${"long/".repeat(25)}name`, content: "x" },
    ],
    [
      { name: "./md5sums", content: "5d41402abc4b2a76b9719d911017c592  usr/bin/tool\n" },
      { name: "./conffiles", content: "/etc/tool.conf\n" },
      {
        name: "./postinst",
        content:
          "#!/bin/sh\ndpkg-divert --package tool --add \\\n --divert /bin/sh.real /bin/sh\nupdate-alternatives --install /usr/bin/t t /usr/bin/tool 10\n# dpkg-divert --add /no\n",
      },
    ],
  );
  for (const step of [1, 100, 65_536]) {
    const reading = await read(deb, step);
    expect(reading).toMatchObject({ sha256: sha256Of(deb), size: deb.length, contents: { kind: "read" } });
    if (reading.contents.kind !== "read") return;
    const { files, symlinks, scripts, conffiles, diversions, alternatives } = reading.contents.contents;
    const own = { sha256: sha256Of("hello"), size: 5, mode: 0o4755 };
    expect(files.slice(0, 2)).toEqual([
      { path: "/usr/bin/tool", ...own, md5: "5d41402abc4b2a76b9719d911017c592" },
      { path: "/usr/bin/hard", ...own, hardLinkTo: "/usr/bin/tool" },
    ]);
    expect(files[2]?.path).toBe(`/usr/share/${"long/".repeat(25)}name`);
    expect(symlinks).toEqual([{ path: "/usr/bin/soft", target: "tool" }]);
    expect(scripts.map(({ name }) => name)).toEqual(["postinst"]);
    expect(conffiles).toEqual(["/etc/tool.conf"]);
    expect(diversions).toMatchObject([{ action: "add", paths: ["/bin/sh.real", "/bin/sh"] }]);
    expect(alternatives).toMatchObject([{ action: "add", paths: ["/usr/bin/t", "/usr/bin/tool"] }]);
  }
});

/** tar-stream strips what it finds unsafe, so the name is changed in the finished header. */
async function renamed(from: string, to: string): Promise<Buffer> {
  const tar = await forgeTar([{ name: from.padEnd(to.length, "x"), content: "x" }]);
  tar.fill(0, 0, 100);
  tar.write(to, 0, "latin1");
  tar.fill(" ", 148, 156);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return tar;
}

const withData = async (data: Buffer, name = "data.tar"): Promise<Buffer> =>
  forgeAr([binary, ["control.tar", await forgeControl(tool)], [name, data]]);
const ofFiles = async (...files: readonly TarFile[]): Promise<Buffer> => withData(await forgeTar(files));

test.each<readonly [string, () => Promise<Buffer>, RegExp]>([
  ["an absolute path", async () => withData(await renamed("abc", "/etc/passwd")), /absolute path \/etc\/passwd/],
  ["a climbing path", async () => withData(await renamed("abc", "./usr/../../etc/passwd")), /unsafe path/],
  ["one path twice", () => ofFiles({ name: "./a", content: "1" }, { name: "./a", content: "2" }), /\/a twice/],
  [
    "a hard link out of the archive",
    () => ofFiles({ name: "./a", type: "link", linkname: "etc/shadow" }),
    /hard link to/,
  ],
  [
    "a symbolic link above the root",
    () => ofFiles({ name: "./a/b", type: "symlink", linkname: "../../../etc" }),
    /climbs out/,
  ],
  [
    "a file below its own symbolic link",
    () => ofFiles({ name: "./a", type: "symlink", linkname: "/etc" }, { name: "./a/passwd", content: "x" }),
    /no folder/,
  ],
  [
    "a bomb",
    async () => withData(xz(Buffer.alloc(32 << 20)), "data.tar.xz"),
    /unpacks to more than 100 times|checksum|bytes/,
  ],
  [
    "a truncated tar",
    async () => withData((await forgeTar([{ name: "./a", content: "x".repeat(2000) }])).subarray(0, 1024)),
    /truncated/,
  ],
  ["a tar of garbage", () => withData(Buffer.alloc(2048, "garbage")), /checksum/],
  [
    "a truncated xz",
    async () =>
      withData(xz(await forgeTar([{ name: "./a", content: "x".repeat(9999) }])).subarray(0, -20), "data.tar.xz"),
    /damaged.*xz says/,
  ],
  ["a gz of garbage", () => withData(Buffer.from("garbage"), "data.tar.gz"), /damaged/],
  ["a zst of garbage", () => withData(Buffer.from("garbage"), "data.tar.zst"), /damaged/],
  ["bzip2", () => withData(Buffer.from("BZh9"), "data.tar.bz2"), /not supported/],
  ["no control.tar", async () => forgeAr([binary, ["data.tar", await forgeTar([])]]), /control.tar is missing/],
  ["no data.tar", async () => forgeAr([binary, ["control.tar", await forgeControl(tool)]]), /data.tar is missing/],
  [
    "two data.tar",
    async () =>
      forgeAr([
        binary,
        ["control.tar", await forgeControl(tool)],
        ["data.tar", await forgeTar([])],
        ["data.tar", await forgeTar([])],
      ]),
    /two data.tar/,
  ],
  [
    "a truncated ar",
    async () => (await forgeDeb(tool, [{ name: "./a", content: "x" }])).subarray(0, -30),
    /truncated|damaged/,
  ],
  ["no ar at all", () => Promise.resolve(Buffer.from("<html>not found</html>")), /no ar archive/],
  ["nothing", () => Promise.resolve(Buffer.alloc(0)), /missing/],
  [
    "a control without a stanza",
    async () =>
      forgeAr([
        binary,
        ["control.tar", await forgeTar([{ name: "./control", content: "nonsense" }])],
        ["data.tar", await forgeTar([])],
      ]),
    /malformed/,
  ],
])("%s is refused with its reason", async (_name, forge, why) => {
  expect(await whyOf(await forge())).toMatch(why);
});

test("a bomb is stopped by what it has unpacked, not by what it says", async () => {
  const bomb = xz(
    Buffer.concat([await forgeTar([{ name: "./a", content: Buffer.alloc(30 << 20) }]), Buffer.alloc(1024)]),
  );
  expect(await whyOf(await withData(bomb, "data.tar.xz"))).toMatch(/100 times its size/);
  expect(await whyOf(await withData(bomb, "data.tar.xz"), { ...limits, ratio: 1e6, unpackedBytes: 1 << 20 })).toMatch(
    /more than 1048576 bytes/,
  );
});

test("a million entries are stopped at the limit", async () => {
  const header = (await forgeTar([{ name: "./f", type: "symlink", linkname: "x" }])).subarray(0, 512);
  const one = (at: number): Buffer => {
    const block = Buffer.from(header);
    block.write(`./${at}`.padEnd(12, "\0"), 0, "latin1");
    block.fill(" ", 148, 156);
    block.write(
      `${block
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
      "latin1",
    );
    return block;
  };
  const reader = readDeb({ ...limits, unpackedBytes: 1e9, entries: 50_000 }, new AbortController().signal);
  const size = 1_000_000 * 512 + 1024;
  const outer = forgeAr([binary, ["control.tar", await forgeControl(tool)]]);
  await reader.write(
    Buffer.concat([outer, forgeAr([["data.tar", Buffer.alloc(0)]]).subarray(8)]).subarray(0, outer.length),
  );
  await reader.write(Buffer.from(`${"data.tar".padEnd(48)}${String(size).padEnd(10)}\`\n`));
  for (let at = 0; at < 60_000; at += 1) await reader.write(one(at));
  const { contents } = await reader.end();
  expect(contents.kind === "refused" && contents.why).toMatch(/truncated: the ar|more than 50000 entries/);
});

test("any single changed byte gives another digest and never an exception", async () => {
  const deb = await forgeDeb(tool, [{ name: "./usr/bin/tool", content: "hello" }]);
  for (let at = 0; at < deb.length; at += 37) {
    const changed = Buffer.from(deb);
    changed[at] = (changed[at] ?? 0) ^ 0x41;
    expect((await read(changed)).sha256).not.toBe(sha256Of(deb));
  }
}, 30_000);
