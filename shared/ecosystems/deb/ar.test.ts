import { expect, test } from "vitest";
import { arMember } from "./ar.ts";

const header = (name: string, size: string, end = "`\n") =>
  new TextEncoder().encode(
    `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${size.padEnd(10)}${end}`,
  );

test.each([
  ["a plain name", header("data.tar.xz", "12"), { name: "data.tar.xz", size: 12 }],
  ["a name ended with a slash", header("debian-binary/", "4"), { name: "debian-binary", size: 4 }],
  ["a wrong end mark", header("data.tar", "1", "xx"), undefined],
  ["a size that is no number", header("data.tar", "-1"), undefined],
  ["a name with a path", header("../x", "1"), undefined],
  ["too few bytes", header("data.tar", "1").subarray(1), undefined],
])("%s", (_name, bytes, member) => {
  expect(arMember(bytes)).toEqual(member);
});
