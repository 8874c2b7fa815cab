import { expect, test } from "vitest";
import { readPackageEntry, safeFilename } from "./packages-index.ts";

const digest = "c".repeat(64);
const stanza = (changes: Readonly<Record<string, string>> = {}) =>
  Object.entries({
    Package: "bash",
    Version: "5.2-1",
    Architecture: "amd64",
    Filename: "pool/main/b/bash/bash_5.2-1_amd64.deb",
    Size: "10",
    SHA256: digest,
    ...changes,
  })
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");

test("an entry is read", () => {
  expect(readPackageEntry(stanza())).toEqual({
    kind: "entry",
    entry: {
      name: "bash",
      version: "5.2-1",
      arch: "amd64",
      filename: "pool/main/b/bash/bash_5.2-1_amd64.deb",
      size: 10,
      sha256: digest,
    },
  });
});

test.each([
  ["a name with a path", { Package: "../bash" }, /no package name/],
  ["a climbing Filename", { Filename: "pool/../../etc/passwd" }, /leaves the archive/],
  ["an absolute Filename", { Filename: "/etc/passwd" }, /leaves the archive/],
  ["a Filename with a host", { Filename: "http://evil/x.deb" }, /leaves the archive/],
  ["a Filename with encoded dots", { Filename: "pool/%2e%2e/x" }, /leaves the archive/],
  ["no digest", { SHA256: "12" }, /SHA256/],
  ["a negative size", { Size: "-1" }, /Size/],
  ["an odd version", { Version: "1 2" }, /Version/],
  ["an odd architecture", { Architecture: "../x" }, /Architecture/],
])("%s is refused", (_name, changes, why) => {
  const reading = readPackageEntry(stanza(changes));
  expect(reading.kind === "refused" && reading.why).toMatch(why);
});

test.each([
  ["./x_1_all.deb", "x_1_all.deb"],
  ["x_1%3a2_all.deb", "x_1%3a2_all.deb"],
  ["a//b", undefined],
  ["a?b", undefined],
  ["a#b", undefined],
  ["a\\..\\b", undefined],
  ["", undefined],
])("the Filename %s", (text, safe) => {
  expect(safeFilename(text)).toBe(safe);
});
