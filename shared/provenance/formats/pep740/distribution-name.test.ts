import { expect, test } from "vitest";
import { isSameDistribution } from "./distribution-name.ts";

test.each([
  ["pkg-1.0.tar.gz", "pkg-1.0.tar.gz", true],
  ["My.Pkg-1.0.tar.gz", "my_pkg-1.0.tar.gz", true],
  ["pkg-1.0-py2.py3-none-any.whl", "pkg-1.0-py3.py2-none-any.whl", true],
  ["pkg-1.0-py3-none-any.whl", "pkg-1.0-py2-none-any.whl", false],
  ["pkg-1.0.tar.gz", "pkg-1.1.tar.gz", false],
  ["pkg-1.0.tar.gz", "pkg-1.0.zip", false],
  ["pkg-1.0.tar.gz", "pkg2-1.0.tar.gz", false],
  ["../pkg-1.0.tar.gz", "pkg-1.0.tar.gz", false],
  ["", "pkg-1.0.tar.gz", false],
])("%s and %s: %s", (a, b, same) => {
  expect(isSameDistribution(a, b)).toBe(same);
});
