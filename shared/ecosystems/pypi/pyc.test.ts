import { expect, test } from "vitest";
import { pycNames, pycParent, readPycHeader } from "./pyc.ts";

test.each([
  ["/a/__pycache__/x.cpython-311.pyc", "/a/x.py"],
  ["/a/__pycache__/x.cpython-311.opt-1.pyc", "/a/x.py"],
  ["/a/__pycache__/x.y.pypy39.pyc", "/a/x.y.py"],
  ["/a/x.pyc", "/a/x.py"],
  ["/a/x.pyo", "/a/x.py"],
  ["/a/__pycache__/x.pyc", undefined],
  ["/a/.pyc", undefined],
  ["/a/x.py", undefined],
])("%s was made from %s", (path, parent) => {
  expect(pycParent(path)).toBe(parent);
});

const header = (magic: number, ...words: readonly number[]) => {
  const bytes = Buffer.alloc(4 + 4 * words.length);
  bytes.writeUInt16LE(magic, 0);
  bytes.writeUInt16LE(0x0a0d, 2);
  words.forEach((word, at) => bytes.writeUInt32LE(word, 4 + 4 * at));
  return bytes;
};

test.each([
  ["3.11 by time", header(3495, 0, 1000, 20), { kind: "timestamp", mtime: 1000, size: 20 }],
  ["3.11 by checked hash", header(3495, 3, 0, 1), { kind: "hash", checked: true, hash: "0000000001000000" }],
  ["3.6", header(3379, 1000, 20, 0), { kind: "timestamp", mtime: 1000, size: 20 }],
  ["2.7", header(62211, 1000, 20, 0), { kind: "timestamp", mtime: 1000 }],
  ["flags nobody defined", header(3495, 8, 0, 1), undefined],
  ["cut short", header(3495, 0), undefined],
  ["another magic", header(12, 0, 0, 0), undefined],
  ["nothing", new Uint8Array(0), undefined],
])("the header of %s", (_name, bytes, wanted) => {
  expect(readPycHeader(bytes)).toEqual(wanted);
});

test.each([
  ["the same source", 1000, 20, "yes"],
  ["a source written later", 1001, 20, "no"],
  ["a source of another size", 1000, 21, "no"],
])("%s", (_name, mtimeSeconds, size, agrees) => {
  expect(pycNames({ kind: "timestamp", mtime: 1000, size: 20 }, { mtimeSeconds, size }).agrees).toBe(agrees);
});
