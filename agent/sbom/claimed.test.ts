import { expect, test } from "vitest";
import { claimedOf } from "./claimed.ts";

const unproven = [
  ["provost:standing", "unproven"],
  ["provost:basis", "claimed"],
];

test("nothing said is nothing claimed", () => {
  expect(claimedOf({}, "f")).toEqual({ properties: [], items: [], dependsOn: [] });
});

test("build id, package note, and of Go's settings only where it was built from and for what", () => {
  const { properties } = claimedOf(
    {
      buildId: "c0ffee",
      packageNote: [["type", "deb"]],
      go: {
        goVersion: "go1.26",
        path: "example.org/cmd",
        main: { path: "example.org", version: "v1.0.0" },
        modules: [],
        settings: [
          ["vcs.revision", "abc"],
          ["GOARCH", "arm64"],
          ["-ldflags", "-X token=secret"],
        ],
      },
    },
    "f",
  );
  expect(properties).toEqual([
    ["provost:claimed:build-id", "c0ffee"],
    ["provost:claimed:package-note:type", "deb"],
    ["provost:claimed:go", "go1.26"],
    ["provost:claimed:go-package", "example.org/cmd"],
    ["provost:claimed:go-module", "example.org v1.0.0"],
    ["provost:claimed:go-build:vcs.revision", "abc"],
    ["provost:claimed:go-build:GOARCH", "arm64"],
  ]);
});

test("a module has its package URL, unless a folder stood in for it or nobody gave it a version", () => {
  const modules = [
    { path: "github.com/a/b/v2", version: "v2.0.0", sum: "h1:x=" },
    { path: "example.org/mine", version: "v0.0.0", replacedBy: "./mine" },
    { path: "example.org/here", version: "(devel)" },
    { path: "github.com/a/b/v2", version: "v2.0.0", sum: "h1:x=" },
  ];
  const { items, dependsOn } = claimedOf({ go: { goVersion: "go1.26", modules, settings: [] } }, "f");
  expect(items.map(({ name, purl, inside }) => [name, purl, inside])).toEqual([
    ["github.com/a/b/v2", "pkg:golang/github.com/a/b/v2@v2.0.0", "f"],
    ["example.org/mine", undefined, "f"],
    ["example.org/here", undefined, "f"],
  ]);
  expect(items[1]?.properties).toEqual([
    ...unproven,
    ["provost:claimed-by", "Go's build info"],
    ["provost:claimed:go-replaced-by", "./mine"],
  ]);
  expect(dependsOn).toEqual(items.map(({ ref }) => ref));
});

test("crates depend on each other, the program on its root; only published ones have a package URL", () => {
  const crate = (name: string, source: string, root: boolean, dependencies: readonly number[]) => ({
    name,
    version: "1.0.0",
    source,
    root,
    dependencies,
  });
  const crates = [crate("app", "local", true, [1]), crate("libc", "crates.io", false, [1])];
  const { items, dependsOn } = claimedOf({ crates }, "f");
  expect(items.map(({ name, purl, dependsOn: on }) => [name, purl, on])).toEqual([
    ["app", undefined, [items[1]?.ref]],
    ["libc", "pkg:cargo/libc@1.0.0", []],
  ]);
  expect(dependsOn).toEqual([items[0]?.ref]);
});
