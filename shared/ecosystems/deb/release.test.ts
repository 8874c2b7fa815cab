import { expect, test } from "vitest";
import { parseReleaseDate, readRelease } from "./release.ts";

const digest = "a".repeat(64);
const text = `Origin: Debian\nSuite: stable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\nSHA256:\n ${digest}   12 main/binary-amd64/Packages.xz\n`;

test("a Release is read", () => {
  const reading = readRelease(text);
  expect(reading.kind === "release" && reading.release).toMatchObject({
    origin: "Debian",
    codename: "bookworm",
    date: Date.UTC(2026, 6, 11, 10, 16, 37),
    acquireByHash: true,
    files: new Map([["main/binary-amd64/Packages.xz", { sha256: digest, size: 12 }]]),
  });
});

test.each([
  ["no date", text.replace(/Date:.*\n/, ""), /Date/],
  ["an unreadable Valid-Until", `Valid-Until: soon\n${text}`, /Valid-Until/],
  ["no sums", text.replace(/SHA256:[^]*/, ""), /no SHA256/],
  ["a short digest", text.replace(digest, "abc"), /SHA256 line/],
  ["two sums for one file", `${text} ${"b".repeat(64)} 12 main/binary-amd64/Packages.xz\n`, /two SHA-256/],
])("%s is malformed", (_name, bytes, why) => {
  const reading = readRelease(bytes);
  expect(reading.kind === "malformed" && reading.why).toMatch(why);
});

test.each([
  ["Sat, 11 Jul 2026 10:16:37 UTC", Date.UTC(2026, 6, 11, 10, 16, 37)],
  ["11 Jul 2026  1:16:37 +0000", Date.UTC(2026, 6, 11, 1, 16, 37)],
  ["Sat, 31 Feb 2026 10:16:37 UTC", undefined],
  ["Sat, 11 Jul 2026 10:16:37 CEST", undefined],
  ["2026-07-11", undefined],
])("the date %s", (text, at) => {
  expect(parseReleaseDate(text)).toBe(at);
});

test.each([
  ["Architectures: all amd64", true],
  ["Architectures: amd64 i386", false],
  ["Architectures: all amd64\nNo-Support-for-Architecture-all: Packages", false],
])("%j: packages for all architectures stand apart: %s", (fields, apart) => {
  const reading = readRelease(`${fields}\n${text}`);
  expect(reading.kind === "release" && reading.release.allApart).toBe(apart);
});
