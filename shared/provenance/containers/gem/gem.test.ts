import { createHash } from "node:crypto";
import { gzipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { block, type ForgedMember, forgeTar } from "../../../../test/support/forge-tar.ts";
import type { ArchiveReading } from "../archive.ts";
import { type ContainerLimits, containerLimits } from "../limits.ts";
import { inMemory, readArchive } from "../read-archive.ts";

const signal = new AbortController().signal;
const read = (bytes: Uint8Array, limits: Partial<ContainerLimits> = {}): Promise<ArchiveReading> =>
  readArchive(inMemory(bytes), { signal, limits: { ...containerLimits, ...limits } });
const hex = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const installed = gzipSync(forgeTar([{ name: "lib/a.rb", data: "puts 1\n" }]));
const metadata: ForgedMember = { name: "metadata.gz", data: gzipSync(new Uint8Array(3)) };
const data: ForgedMember = { name: "data.tar.gz", data: installed };
const sums: ForgedMember = { name: "checksums.yaml.gz", data: "x" };

test("a gem's members, and what it installs", async () => {
  expect(await read(forgeTar([metadata, data, sums]))).toMatchObject({
    ok: true,
    contents: {
      container: "gem",
      entries: [
        { part: "gem", path: "metadata.gz" },
        { part: "gem", path: "data.tar.gz", sha256: hex(installed) },
        { part: "data", path: "lib/a.rb", sha256: hex("puts 1\n") },
        { part: "gem", path: "checksums.yaml.gz" },
      ],
    },
  });
});

describe("what is no gem", () => {
  test.each<[string, string, RegExp, Uint8Array]>([
    ["one without data", "unreadable", /without data.tar.gz/, forgeTar([metadata, sums])],
    ["one without metadata", "unreadable", /without metadata.gz/, forgeTar([data])],
    ["data twice", "unreadable", /twice/, forgeTar([metadata, data, data])],
    ["a member that gems do not have", "unsupported", /do not have/, forgeTar([metadata, data, { name: "x" }])],
    [
      "a link where data should be",
      "unsupported",
      /do not have/,
      forgeTar([metadata, { name: "data.tar.gz", type: "2", target: "x" }]),
    ],
    ["empty data", "unreadable", /is empty/, forgeTar([metadata, { name: "data.tar.gz" }])],
    [
      "data that ends too early",
      "unreadable",
      /gzip|deflate/,
      forgeTar([metadata, { name: "data.tar.gz", data: installed.subarray(0, -9) }]),
    ],
    [
      "data that is no tar",
      "unreadable",
      /checksum/,
      forgeTar([metadata, { name: "data.tar.gz", data: gzipSync(new Uint8Array(block).fill(1)) }]),
    ],
  ])("%s", async (_, basis, why, bytes) => {
    expect(await read(bytes)).toEqual({ ok: false, basis, why: expect.stringMatching(why) as string });
  });
});

test("what it installs is bounded like everything else", async () => {
  const bomb = gzipSync(forgeTar([{ name: "a", data: new Uint8Array(2_000_000) }]));
  const gem = forgeTar([metadata, { name: "data.tar.gz", data: bomb }]);
  expect(await read(gem, { ratio: 100, ratioFrom: 1000 })).toMatchObject({
    ok: false,
    why: expect.stringMatching(/more than 100 times/) as string,
  });
});
