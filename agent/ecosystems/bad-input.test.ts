import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { InstalledPackage } from "@provost/shared/model/inventory.ts";
import { aptSources } from "./deb/apt-config.ts";
import { deb } from "./deb/deb.ts";
import { isProblem, type DiskEcosystem, type Found } from "./ecosystem.ts";
import { npm } from "./npm/npm.ts";
import { pypi } from "./pypi/pypi.ts";
import { openRoot } from "./root-view.ts";

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), "provost-root-"));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function put(path: string, content: string | Uint8Array): void {
  fs.mkdirSync(dirname(join(root, path)), { recursive: true });
  fs.writeFileSync(join(root, path), content);
}
function link(target: string, path: string): void {
  fs.mkdirSync(dirname(join(root, path)), { recursive: true });
  fs.symlinkSync(target, join(root, path));
}
const found = (more: Partial<Found> = {}): Found => ({ root, nodeModules: [], distInfos: [], lockfiles: [], ...more });

/** Everything an ecosystem says of this root, in one line each. */
function told(ecosystem: DiskEcosystem, places: Found, wanted: readonly string[] = []): readonly string[] {
  const view = openRoot(root);
  const items = [...ecosystem.packages(view, places)];
  const records = ecosystem.records(
    view,
    items.filter((item): item is InstalledPackage => !isProblem(item)),
    new Set(wanted),
  );
  return [
    ...items.map((item) => (isProblem(item) ? `${item.path}: ${item.why}` : item.purl)),
    ...[...records].map((item) =>
      isProblem(item)
        ? `${item.path}: ${item.why}`
        : `${item.path} ${item.via} ${item.role} ${item.packagedAs ?? item.parent ?? ""}`.trim(),
    ),
  ];
}

describe("a root", () => {
  test("a symlink out of it leads back into it", () => {
    put("etc/secret", "inside");
    link("../../../../../../etc/secret", "a/up");
    link("/etc/secret", "a/absolute");
    link("/etc", "folder");
    const view = openRoot(root);
    for (const path of ["/a/up", "/a/absolute", "/folder/secret", "/folder/../etc/secret"]) {
      const read = view.read(path, 100);
      expect(read.kind === "bytes" && Buffer.from(read.bytes).toString()).toBe("inside");
    }
  });

  test("loops, FIFOs, folders, devices and sizes have their reasons", () => {
    link("b", "a");
    link("a", "b");
    execFileSync("mkfifo", [join(root, "fifo")]);
    put("big", "12345");
    fs.mkdirSync(join(root, "folder"));
    const view = openRoot(root);
    expect(view.read("/a", 9)).toMatchObject({ kind: "refused", why: "a symlink loop" });
    expect(view.read("/a/x", 9)).toMatchObject({ kind: "refused", why: "a symlink loop" });
    expect(view.read("/fifo", 9)).toMatchObject({ kind: "refused", why: "not a regular file" });
    expect(view.read("/folder", 9)).toMatchObject({ kind: "refused", why: "not a regular file" });
    expect(view.read("/big", 4)).toMatchObject({ kind: "refused", why: "larger than 4 bytes" });
    expect(view.read("/none/x", 9)).toEqual({ kind: "absent" });
    expect(openRoot("").read("/dev/zero", 9)).toMatchObject({ kind: "refused", why: "not a regular file" });
    expect(view.read(`/${"x/".repeat(20_000)}`, 9)).toMatchObject({ kind: "refused" });
    expect(view.read("/a\\b", 9)).toMatchObject({ kind: "refused" });
  });

  test.skipIf(process.getuid?.() === 0)("what this user may not read says so (skipped as root, who may)", () => {
    put("var/lib/dpkg/status", "x");
    fs.chmodSync(join(root, "var/lib/dpkg/status"), 0);
    expect(told(deb, found())).toEqual(["/var/lib/dpkg/status: permission denied"]);
  });

  test("names that are not UTF-8 keep their bytes", () => {
    fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x61])]), "odd");
    const view = openRoot(root);
    const listed = view.list("/", 10);
    expect(listed).toEqual({ kind: "entries", entries: [{ name: "\\xffa", kind: "file" }] });
    expect(view.read("/\\xffa", 10).kind).toBe("bytes");
    expect(view.list("/", 0)).toMatchObject({ kind: "refused" });
  });
});

const stanza = (name: string, more = "") =>
  `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n${more}\n`;
const md5 = "0123456789abcdef0123456789abcdef";

describe("dpkg's files", () => {
  test("a binary status is one problem", () => {
    put(
      "var/lib/dpkg/status",
      Uint8Array.from({ length: 5000 }, (_, at) => (at * 7) % 256 || 1),
    );
    const lines = told(deb, found());
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.every((line) => line.startsWith("/var/lib/dpkg/status: "))).toBe(true);
  });

  test("a package that stands twice is told, and the later one taken", () => {
    put("var/lib/dpkg/status", stanza("a") + stanza("a").replace("Version: 1", "Version: 2"));
    expect(told(deb, found())).toEqual([
      "/var/lib/dpkg/status: package a stands in it twice; the later one is taken",
      "pkg:deb/debian/a@2?arch=amd64",
    ]);
  });

  test("lists that leave the root or hold control characters are refused line by line", () => {
    put("var/lib/dpkg/status", stanza("a"));
    put(
      "var/lib/dpkg/info/a.list",
      "/.\n/usr/bin/good\n/usr/../../etc/x\nrelative\n/usr/bin/\u001b[2J\n/usr/bin/a\0b\n/usr/./x\n",
    );
    put("var/lib/dpkg/info/a.md5sums", `${md5}  usr/bin/good\nnonsense\n${md5}  ../etc/x\n`);
    put("usr/bin/good", "");
    expect(told(deb, found(), ["/usr/bin/good", "/etc/x"])).toEqual([
      "pkg:deb/debian/a@1?arch=amd64",
      '/var/lib/dpkg/info/a.list: a path with "." or ".." in it (2 lines)',
      "/var/lib/dpkg/info/a.list: a path that is not absolute",
      "/var/lib/dpkg/info/a.list: a path with a control character (2 lines)",
      "/var/lib/dpkg/info/a.md5sums: a line that is no digest and path",
      '/var/lib/dpkg/info/a.md5sums: a path with "." or ".." in it',
      "/usr/bin/good dpkg-md5sums file",
    ]);
  });

  test("the /usr merge, diversions, alternatives, conffiles, scripts and compiled files lead to the file as it lies", () => {
    link("usr/bin", "bin");
    for (const path of [
      "usr/bin/sh.distrib",
      "usr/bin/sh",
      "usr/bin/mawk",
      "usr/lib/x.py",
      "usr/lib/__pycache__/x.cpython-311.pyc",
      "etc/c",
    ])
      put(path, "");
    link("/etc/alternatives/awk", "usr/bin/awk");
    link("/usr/bin/mawk", "etc/alternatives/awk");
    put("var/lib/dpkg/status", stanza("a", `Conffiles:\n /etc/c ${md5}\n`) + stanza("dash") + stanza("b"));
    put("var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n/half\n");
    put("var/lib/dpkg/alternatives/awk", "auto\n/usr/bin/awk\n\n/usr/bin/mawk\n5\n\n");
    put("var/lib/dpkg/info/a:amd64.list", "/bin/sh\n/usr/bin/mawk\n/etc/c\n/usr/lib/x.py\n");
    put("var/lib/dpkg/info/a:amd64.postinst", "#!/bin/sh\n");
    put("var/lib/dpkg/info/dash.list", "/bin/sh\n");
    const wanted = [
      "/usr/bin/sh",
      "/usr/bin/sh.distrib",
      "/usr/bin/awk",
      "/usr/bin/mawk",
      "/etc/c",
      "/usr/lib/__pycache__/x.cpython-311.pyc",
      "/var/lib/dpkg/info/a:amd64.postinst",
    ];
    expect(told(deb, found(), wanted).slice(3)).toEqual([
      "/var/lib/dpkg/diversions: it ends in the middle of a diversion",
      "/var/lib/dpkg/info/a:amd64.postinst dpkg-list file DEBIAN/postinst",
      "/usr/bin/sh.distrib dpkg-list file /bin/sh",
      "/usr/bin/mawk dpkg-list file",
      "/usr/bin/awk dpkg-list file /usr/bin/mawk",
      "/etc/c dpkg-md5sums conffile",
      "/usr/lib/__pycache__/x.cpython-311.pyc dpkg-list generated /usr/lib/x.py",
      "/usr/bin/sh dpkg-list file /bin/sh",
    ]);
  });

  test("a distroless image's status.d is read, and its md5sums are its list", () => {
    put("etc/os-release", 'ID="debian"\n');
    put("var/lib/dpkg/status.d/base", "Package: base\nVersion: 1\nArchitecture: all\n");
    put("var/lib/dpkg/status.d/base.md5sums", `${md5}  usr/bin/x\n`);
    put("usr/bin/x", "");
    expect(told(deb, found(), ["/usr/bin/x"])).toEqual([
      "pkg:deb/debian/base@1?arch=all",
      "/usr/bin/x dpkg-md5sums file",
    ]);
  });

  test("a keyring that is not there leaves no key, and what Signed-By cannot mean is told", () => {
    put(
      "etc/apt/sources.list",
      "deb [signed-by=/k.gpg] http://a.test s main\ndeb [signed-by=../k] http://b.test s main\ndeb http://c.test s main\n",
    );
    put("etc/apt/trusted.gpg.d/t.gpg", "key");
    put("etc/apt/sources.list.d/x.list.bak", "deb http://no.test s main\n");
    const told = [...aptSources(openRoot(root))].map((item) =>
      "uri" in item ? `${item.uri} ${item.keyrings.map(({ path }) => path).join()}` : `${item.path}: ${item.why}`,
    );
    expect(told).toEqual([
      "http://a.test ",
      "http://b.test ",
      "http://c.test /etc/apt/trusted.gpg.d/t.gpg",
      "/k.gpg: a keyring that Signed-By names is not there",
      "../k: a Signed-By that is no absolute path or fingerprint",
    ]);
  });
});

describe("npm's files", () => {
  test("a tarball that is no gzip, or not what its place says, proves nothing", async () => {
    const junk = Buffer.from("not a gzip");
    const digest = createHash("sha512").update(junk).digest();
    const place = (hex: string) =>
      `root/.npm/_cacache/content-v2/sha512/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex.slice(4)}`;
    put(place(digest.toString("hex")), junk);
    put(place("00".repeat(64)), gzipSync(Buffer.alloc(1024)));
    const pins = { a: digest.toString("base64"), b: Buffer.alloc(64).toString("base64") };
    const packages = Object.fromEntries(
      Object.entries(pins).map(([name, base64]) => [
        `node_modules/${name}`,
        { version: "1.0.0", integrity: `sha512-${base64}` },
      ]),
    );
    put("p/package-lock.json", JSON.stringify({ packages }));
    for (const name of ["a", "b"])
      put(`p/node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0" }));
    const view = openRoot(root);
    const places = found({ nodeModules: ["/p/node_modules"], lockfiles: ["/p/package-lock.json"] });
    const installed = [...npm.packages(view, places)].filter((item): item is InstalledPackage => !isProblem(item));
    const wanted = new Set(["/p/node_modules/a/package.json", "/p/node_modules/b/package.json"]);
    const lines: string[] = [];
    for await (const item of npm.unpackedRecords?.(view, installed, wanted) ?? [])
      lines.push(isProblem(item) ? item.why : item.path);
    expect(lines.toSorted()).toEqual([
      "the cached tarball does not have the digest it is filed under",
      "the cached tarball is damaged: it is no gzip",
    ]);
  });

  test("each package.json that is wrong is told, the others are read", () => {
    put("p/node_modules/good/package.json", '{"name":"good","version":"1.0.0"}');
    put("p/node_modules/wrong/package.json", '{"name":["x"],"version":1}');
    put("p/node_modules/climbs/package.json", '{"name":"../../x","version":"1.0.0"}');
    put("p/node_modules/deep/package.json", "[".repeat(100_000));
    put("p/node_modules/.bin/x", "");
    fs.mkdirSync(join(root, "p/node_modules/huge"));
    fs.writeFileSync(join(root, "p/node_modules/huge/package.json"), "");
    fs.truncateSync(join(root, "p/node_modules/huge/package.json"), 100 * 1024 * 1024);
    link("loop", "p/node_modules/loop");
    put("p/package-lock.json", '{"packages":{"../x":{}}}');
    put("q/package-lock.json", "{");
    const lines = told(
      npm,
      found({ nodeModules: ["/p/node_modules"], lockfiles: ["/p/package-lock.json", "/q/package-lock.json"] }),
    );
    expect(lines.toSorted()).toEqual([
      "/p/node_modules/climbs/package.json: package.json is refused: its name is not a package name",
      "/p/node_modules/deep/package.json: package.json is refused: JSON nested deeper than 64",
      "/p/node_modules/huge/package.json: larger than 4194304 bytes",
      "/p/node_modules/loop: a symlink loop",
      "/p/node_modules/wrong/package.json: package.json is refused: it has no name and version in text",
      "/p/package-lock.json: 1 entries of the lockfile name no place below it",
      "pkg:npm/good@1.0.0",
    ]);
  });

  test("a file belongs to the nearest package, and what is in no package to none", () => {
    put("p/node_modules/a/package.json", '{"name":"a","version":"1.0.0"}');
    put("p/node_modules/a/node_modules/b/package.json", '{"name":"b","version":"2.0.0"}');
    const wanted = [
      "/p/node_modules/a/x.js",
      "/p/node_modules/a/node_modules/b/lib/y.js",
      "/p/node_modules/.bin/z",
      "/p/node_modules/a/node_modules/c/x.js",
      "/p/x.js",
    ];
    const lines = told(npm, found({ nodeModules: ["/p/node_modules", "/p/node_modules/a/node_modules"] }), wanted);
    expect(lines.slice(2)).toEqual([
      "/p/node_modules/a/x.js npm-folder file",
      "/p/node_modules/a/node_modules/b/lib/y.js npm-folder file",
    ]);
  });
});

describe("Python's files", () => {
  const library = "/v/lib/python3.11/site-packages";
  test("metadata that is wrong is told, vendored and left-over ones are not installed", () => {
    put(`${library}/good-1.dist-info/METADATA`, "Name: Good\nVersion: 1\n");
    put(`${library}/good-1.dist-info/RECORD`, "good.py,,\n../../../../bin/sh,,\n/etc/passwd,,\n");
    put(`${library}/good.py`, "");
    put(`${library}/nameless-1.dist-info/METADATA`, "Version: 1\n");
    put(`${library}/empty-1.dist-info/x`, "");
    put(`${library}/old.egg-info`, "Name: old\nVersion: 2\n");
    put(`${library}/x/_vendor/inner-1.dist-info/METADATA`, "Name: inner\nVersion: 1\n");
    const names = [
      "good-1.dist-info",
      "nameless-1.dist-info",
      "empty-1.dist-info",
      "old.egg-info",
      "~ood-1.dist-info",
      "x/_vendor/inner-1.dist-info",
    ];
    const lines = told(pypi, found({ distInfos: names.map((name) => `${library}/${name}`) }), [
      `${library}/good.py`,
      "/bin/sh",
    ]);
    expect(lines).toEqual([
      "pkg:pypi/good@1",
      `${library}/nameless-1.dist-info/METADATA: its metadata has no name`,
      `${library}/empty-1.dist-info: it has no metadata`,
      "pkg:pypi/old@2",
      `${library}/~ood-1.dist-info: left over from an installation that was interrupted`,
      `${library}/good-1.dist-info/RECORD: a path that leaves its environment (2 lines)`,
      `${library}/good.py pypi-record file`,
    ]);
  });
});
