import { expect, test } from "vitest";
import { fullUsrMerge, mergedPath } from "./usr-merge.ts";

test.each([
  ["/bin/bash", "/usr/bin/bash"],
  ["/lib64/ld-linux-x86-64.so.2", "/usr/lib64/ld-linux-x86-64.so.2"],
  ["/usr/bin/bash", "/usr/bin/bash"],
  ["/binary/x", "/binary/x"],
  ["/bin", "/bin"],
  ["/etc/bin/x", "/etc/bin/x"],
])("%s stands at %s on a merged device", (packaged, merged) => {
  expect(mergedPath(packaged, fullUsrMerge)).toBe(merged);
});

test("a folder that is no link keeps its paths", () => {
  expect(mergedPath("/lib32/x", new Map([["/bin", "/usr/bin"]]))).toBe("/lib32/x");
});
