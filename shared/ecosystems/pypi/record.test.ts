import { expect, test } from "vitest";
import { readMetadata } from "./metadata.ts";
import { environmentOf, readRecord } from "./record.ts";

const zero = Buffer.alloc(32).toString("base64url");
const environment = environmentOf("/venv/lib/python3.11/site-packages");
const read = (text: string) => [...readRecord([Buffer.from(text)], environment)];
const expected = { algorithm: "sha256", hex: "0".repeat(64) };

test.each([
  ["a file", `a/b.py,sha256=${zero},3`, { path: "/venv/lib/python3.11/site-packages/a/b.py", expected }],
  [
    "a padded digest and a Windows line end",
    `a.py,sha256=${zero}=,3\r`,
    { path: "/venv/lib/python3.11/site-packages/a.py", expected },
  ],
  [
    "Flit's hexadecimal",
    `a.py,sha256=${"0".repeat(64)},3`,
    { path: "/venv/lib/python3.11/site-packages/a.py", expected },
  ],
  ["no digest", "a.pyc,,", { path: "/venv/lib/python3.11/site-packages/a.pyc" }],
  ["a script of the environment", `../../../bin/pip,sha256=${zero},1`, { path: "/venv/bin/pip", expected }],
  [
    "a quoted name",
    `"a, ""b"".py",sha256=${zero},1`,
    { path: '/venv/lib/python3.11/site-packages/a, "b".py', expected },
  ],
  ["an absolute path inside", "/venv/share/x,,", { path: "/venv/share/x" }],
  ["a path that climbs out", `../../../../usr/bin/bash,sha256=${zero},1`, "a path that leaves its environment"],
  ["a path that climbs past the root", `${"../".repeat(20)}bin/sh,,`, "a path that leaves its environment"],
  ["an absolute path outside", `/usr/bin/bash,sha256=${zero},1`, "a path that leaves its environment"],
  ["md5", "a.py,md5=abc,1", "a digest that is malformed or too weak"],
  ["a short digest", "a.py,sha256=AAAA,1", "a digest that is malformed or too weak"],
  ["half a quote", '"a.py,,', "a line that is no path, digest and size"],
  ["a NUL", "a\0.py,,", "a line with a NUL"],
  ["an escape sequence", "a\u001b[2J.py,,", "a path with a control character"],
  ["an endless line", "a".repeat(20_000), "a line that is too long"],
])("%s", (_name, line, wanted) => {
  expect(read(`${line}\n`)).toEqual([wanted]);
});

test("a huge RECORD ends at its bound", () => {
  const chunk = Buffer.from("a,,\n".repeat(1 << 16));
  let last: unknown;
  for (const item of readRecord(
    Array.from({ length: 8 }, () => chunk),
    environment,
  ))
    last = item;
  expect(last).toBe("more than 500000 lines");
});

test.each([
  ["/usr/lib/python3/dist-packages", "/usr"],
  ["/usr/local/lib/python3.11/dist-packages", "/usr/local"],
  ["/venv/lib64/python3.11/site-packages", "/venv"],
  ["/opt/app/libs", "/opt/app/libs"],
])("the environment of %s is %s", (folder, prefix) => {
  expect(environmentOf(folder).prefix).toBe(prefix);
});

test.each([
  [
    "Metadata-Version: 2.1\nName: Zope.Interface\nVersion: 1.0\n\nName: other\n",
    { kind: "metadata", title: "Zope.Interface", name: "zope-interface", version: "1.0" },
  ],
  ["Version: 1.0\n\n", { kind: "refused", why: "its metadata has no name" }],
  ["Name: x\n\nVersion: 1\n", { kind: "refused", why: "its metadata has no version" }],
  ["Name: ../x\nVersion: 1\n", { kind: "refused", why: "its metadata has a name that is none of a distribution" }],
  ["\0\0\0", { kind: "refused", why: "its metadata has a NUL in it" }],
])("metadata %j", (text, wanted) => {
  expect(readMetadata([Buffer.from(text)])).toEqual(wanted);
});
