import { expect, test } from "vitest";
import { buildPurl, canonicalPurl, debPurl, npmPurl, parsePurl, pypiPurl } from "./purl.ts";

test.each([
  [
    debPurl("debian", "libstdc++6", "1:2.4.47-2+b1~deb12", "amd64"),
    "pkg:deb/debian/libstdc%2B%2B6@1:2.4.47-2%2Bb1~deb12?arch=amd64",
  ],
  [debPurl("debian", "a", "1", "all", "bookworm"), "pkg:deb/debian/a@1?arch=all&distro=bookworm"],
  [npmPurl("@scope/name", "1.0.0-a+b"), "pkg:npm/%40scope/name@1.0.0-a%2Bb"],
  [pypiPurl("zope-interface", "1.0+cpu"), "pkg:pypi/zope-interface@1.0%2Bcpu"],
])("%s", (got, wanted) => {
  expect(got).toBe(wanted);
});

test.each([["no purl"], ["pkg:"], ["pkg:npm"], [`pkg:npm/${"a".repeat(5000)}`], [""]])("%s is none", (text) => {
  expect(parsePurl(text)).toBeUndefined();
});

test.each([
  ["pkg:brew/Homebrew/Core/SQLite@3", "pkg:brew/homebrew/core/sqlite@3"],
  ["pkg:gem/a@1?Platform=java", "pkg:gem/a@1?platform=java"],
  ["pkg:git/codeberg.org/Forgejo/forgejo@a1", "pkg:git/codeberg.org/Forgejo/forgejo@a1"],
  ["pkg:git/github/Package-URL/spec@a1", "pkg:git/github/package-url/spec@a1"],
  [
    "pkg:julia/Dates@1?uuid=ade2ca70-3891-5945-98fb-dc099432e06a",
    "pkg:julia/Dates@1?uuid=ade2ca70-3891-5945-98fb-dc099432e06a",
  ],
  ["pkg:golang/stdlib@1.22.0", "pkg:golang/stdlib@1.22.0"],
  ["pkg:npm/@babel/core", "pkg:npm/%40babel/core"],
])("%s is %s", (text, wanted) => {
  expect(canonicalPurl(text)).toBe(wanted);
});

test.each([
  ["pkg:cpan/LWP::UserAgent@6"],
  ["pkg:git/forgejo@a1"],
  ["pkg:julia/Dates@1"],
  ["pkg:otp/namespace/hex@2"],
  ["pkg:vcpkg/boost/asio@1"],
  ["pkg:vcpkg/@1.0.8"],
  ["pkg:vscode-extension/java@1"],
  ["pkg:chrome-extension/dogs"],
])("%s is none of its type", (text) => {
  expect([canonicalPurl(text), parsePurl(text)]).toEqual([undefined, undefined]);
});

test("a qualifier whose key begins with a capital is mended in the canonical form, and not read as it stands", () => {
  expect(parsePurl("pkg:rpm/fedora/curl@7?Arch=i386")).toBeUndefined();
  expect(canonicalPurl("pkg:rpm/fedora/curl@7?Arch=i386")).toBe("pkg:rpm/fedora/curl@7?arch=i386");
});

test("a name with slashes of a git repository is built and read as one", () => {
  const parts = { type: "git", namespace: "codeberg.org", name: "forgejo/forgejo", version: "a1" };
  expect(buildPurl(parts)).toBe("pkg:git/codeberg.org/forgejo/forgejo@a1");
  expect(parsePurl("pkg:git/codeberg.org/forgejo/forgejo@a1")).toEqual(parts);
});
