import { expect, test } from "vitest";
import { readIntegrity } from "./integrity.ts";
import { readLockfile } from "./lockfile.ts";
import { readPackageJson } from "./package-json.ts";
import { isInstallTree } from "./places.ts";

const bytes = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const read = (value: unknown) => {
  const lockfile = readLockfile(bytes(value));
  return lockfile.kind === "refused"
    ? lockfile.why
    : { ...Object.fromEntries(lockfile.packages), skipped: lockfile.skipped };
};

test.each([
  [
    "version 3",
    {
      packages: {
        "": {},
        "node_modules/a": { version: "1.0.0", resolved: "https://u:p@r.test/a.tgz", integrity: "sha512-x" },
      },
    },
    {
      "node_modules/a": {
        version: "1.0.0",
        resolved: "https://r.test/a.tgz",
        integrity: "sha512-x",
        bundled: false,
        link: false,
      },
      skipped: 0,
    },
  ],
  [
    "version 1, nested",
    { dependencies: { a: { version: "1.0.0", dependencies: { b: { version: "2.0.0", bundled: true } } } } },
    {
      "node_modules/a": { version: "1.0.0", bundled: false, link: false },
      "node_modules/a/node_modules/b": { version: "2.0.0", bundled: true, link: false },
      skipped: 0,
    },
  ],
  ["places that climb", { packages: { "../x": { version: "1" }, "/etc": {}, "a/../b": {} } }, { skipped: 3 }],
  [
    "wrong types",
    { packages: { a: 1, b: { version: 2, integrity: [] } } },
    { b: { bundled: false, link: false }, skipped: 1 },
  ],
  [
    "links in a circle are not followed",
    { packages: { a: { link: true, resolved: "b" }, b: { link: true, resolved: "a" } } },
    { a: { resolved: "b", bundled: false, link: true }, b: { resolved: "a", bundled: false, link: true }, skipped: 0 },
  ],
  ["a list", [], "the lockfile is no object"],
  ["text", '"x"', "the lockfile is no object"],
  ["nothing", "", "the lockfile is not JSON"],
  ["a million brackets", "[".repeat(1_000_000), "the lockfile is JSON nested deeper than 128"],
])("a lockfile: %s", (_name, value, wanted) => {
  expect(read(value)).toEqual(wanted);
});

test.each([
  [{ name: "a", version: "1.0.0" }, "package"],
  [{ name: "@s/a", version: "1.0.0", bin: { x: "./x.js", y: 3 } }, "package"],
  [{ name: "../a", version: "1.0.0" }, "refused"],
  [{ name: "@s/../../a", version: "1.0.0" }, "refused"],
  [{ name: 1, version: "1.0.0" }, "refused"],
  [{ name: "a", version: {} }, "refused"],
  [{ name: "a", version: "1 \u001b" }, "refused"],
  [[], "refused"],
  ["null", "refused"],
  ["{", "refused"],
  [`{"name":"a","version":"1","x":${"[".repeat(100)}${"]".repeat(100)}}`, "refused"],
])("package.json %j is %s", (value, kind) => {
  expect(readPackageJson(bytes(value)).kind).toBe(kind);
});

test("the strongest well-formed digest is taken", () => {
  const sha512 = Buffer.alloc(64, 1).toString("base64");
  const sha1 = Buffer.alloc(20, 1).toString("base64");
  expect(readIntegrity(`sha1-${sha1} sha512-${sha512}?x`)).toEqual({ algorithm: "sha512", hex: "01".repeat(64) });
  expect(readIntegrity("sha512-AAAA md5-AAAA")).toBeUndefined();
});

test.each([
  ["/p/node_modules", true],
  ["/p/node_modules/a/node_modules", true],
  ["/p/node_modules/@s/a/node_modules", true],
  ["/p/node_modules/.pnpm/a@1.0.0/node_modules", true],
  ["/p/node_modules/a/test/fixture/node_modules", false],
  ["/p/node_modules/a/test/node_modules/b/node_modules", false],
  ["/p/node_modules/.cache/x/node_modules", false],
])("%s is a tree that is resolved: %s", (folder, wanted) => {
  expect(isInstallTree(folder)).toBe(wanted);
});
