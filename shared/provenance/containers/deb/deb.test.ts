import { createHash } from "node:crypto";
import { gzipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { forgeAr } from "../../../../test/support/forge-archive.ts";
import { forgeTar } from "../../../../test/support/forge-tar.ts";
import { bytesOf, concat } from "../../../../test/support/forge-zip.ts";
import type { ArchiveReading } from "../archive.ts";
import { inMemory, readArchive } from "../read-archive.ts";

const signal = new AbortController().signal;
const read = (bytes: Uint8Array): Promise<ArchiveReading> => readArchive(inMemory(bytes), { signal });
const hex = (bytes: string): string => createHash("sha256").update(bytes).digest("hex");

type Member = readonly [name: string, data: string | Uint8Array];
const format: Member = ["debian-binary", "2.0\n"];
const control: Member = ["control.tar.gz", gzipSync(forgeTar([{ name: "./control", data: "Package: a\n" }]))];
const data: Member = [
  "data.tar",
  forgeTar([
    { name: "./", type: "5" },
    { name: "./control", data: "data" },
  ]),
];

const forgeDeb = (...members: readonly Member[]): Uint8Array =>
  forgeAr(members.map(([name, content]) => [name, Buffer.from(bytesOf(content))]));

test("both trees of a package, each in its part", async () => {
  expect(await read(forgeDeb(format, ["_sig", "x"], control, data, ["_gpgorigin", "odd"]))).toMatchObject({
    ok: true,
    contents: {
      container: "deb",
      entries: [
        { kind: "file", part: "control", path: "control", sha256: hex("Package: a\n") },
        { kind: "folder", part: "data", path: "." },
        { kind: "file", part: "data", path: "control", sha256: hex("data") },
      ],
    },
  });
});

describe("what is no Debian package", () => {
  test.each<[string, string, RegExp, Uint8Array]>([
    ["an ar archive of something else", "unsupported", /debian-binary/, forgeDeb(["a.o", "x"])],
    ["another format", "unsupported", /other than 2/, forgeDeb(["debian-binary", "3.0\n"], control, data)],
    ["data before control", "unsupported", /where control.tar should be/, forgeDeb(format, data, control)],
    ["no data", "unreadable", /cut short/, forgeDeb(format, control)],
    ["two data.tar", "unsupported", /unknown member data.tar/, forgeDeb(format, control, data, data)],
    ["an unknown packing", "unsupported", /not read/, forgeDeb(format, control, ["data.tar.br", "x"])],
    [
      "a packing that nothing here unpacks",
      "unsupported",
      /packed with xz/,
      forgeDeb(format, control, ["data.tar.xz", "x"]),
    ],
    [
      "bytes behind the last member",
      "unreadable",
      /cut short/,
      concat([forgeDeb(format, control, data), bytesOf("x")]),
    ],
    [
      "a member header that is none",
      "unreadable",
      /ar member header/,
      concat([forgeDeb(format, control, data), bytesOf("x".repeat(60))]),
    ],
    [
      "a tar without an end",
      "unreadable",
      /no end-of-archive/,
      forgeDeb(format, control, ["data.tar", forgeTar([], new Uint8Array(0))]),
    ],
  ])("%s", async (_, basis, why, bytes) => {
    expect(await read(bytes)).toEqual({ ok: false, basis, why: expect.stringMatching(why) as string });
  });
});

test("no cut of a package is a whole one", async () => {
  const bytes = forgeDeb(format, control, data);
  for (let cut = 0; cut < bytes.length; cut += 7) expect((await read(bytes.subarray(0, cut))).ok).toBe(false);
});
