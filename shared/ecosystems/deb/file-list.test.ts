import { expect, test } from "vitest";
import { readFileList, readMd5sums } from "./file-list.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("only the wanted paths of a list are kept, and faults are counted in the others too", () => {
  const { paths, faults } = readFileList(bytes("/.\n/usr\n/usr/bin/ls\nusr/../etc\n"), (path) => path.endsWith("/ls"));
  expect(paths).toEqual(["/usr/bin/ls"]);
  expect([...faults.values()]).toEqual([1]);
});

test("only the wanted digests are kept, under paths with a leading slash", () => {
  const sum = "d41d8cd98f00b204e9800998ecf8427e";
  const text = `${sum}  usr/bin/ls\n${sum}  usr/bin/cp\nno digest\n`;
  const { digests, faults } = readMd5sums(bytes(text), (path) => path === "/usr/bin/cp");
  expect([...digests]).toEqual([["/usr/bin/cp", sum]]);
  expect([...faults]).toEqual([["a line that is no digest and path", 1]]);
});
