import { expect, test } from "vitest";
import { makerOf } from "./makers.ts";

const none = { compilers: [], managers: [] };

test.each([
  ["/usr/bin/x86_64-linux-gnu-gcc-12", "gcc\0-o\0a", "compiler"],
  ["/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "", "compiler"],
  ["/usr/bin/x86_64-linux-gnu-ld.bfd", "", "compiler"],
  ["/usr/lib/go-1.22/pkg/tool/linux_amd64/link", "", "compiler"],
  ["/root/.rustup/toolchains/stable/bin/rustc", "", "compiler"],
  ["/usr/bin/dpkg", "", "manager"],
  ["/usr/bin/node", "node\0/usr/bin/npm\0ci", "manager"],
  ["/usr/bin/python3.11", "python3\0/usr/bin/pip3.11\0install\0x", "manager"],
  ["/usr/bin/node", "node\0-r\0./evil.js\0/usr/bin/npm", undefined],
  ["/usr/bin/python3", "python3\0-m\0pip\0install\0x", undefined],
  ["/usr/bin/node", "node\0npm-cli.js", undefined],
  ["/usr/bin/node", "node\0/home/a/build.js", undefined],
  ["/usr/bin/link", "", undefined],
  ["/usr/bin/cp", "", undefined],
  ["/usr/bin/codesign", "", undefined],
  ["/bin/bash", "bash\0/usr/bin/npm", undefined],
  ["/home/a/gcc-evil", "", undefined],
])("%s (%j) makes programs as a %s", (program, words, kind) => {
  expect(makerOf(program, words, none)?.kind).toBe(kind);
});

test("the owner's own names count, as whole paths", () => {
  const more = { compilers: [{ kind: "exact" as const, text: "/opt/cc/build" }], managers: [] };
  expect(makerOf("/opt/cc/build", "", more)).toEqual({ kind: "compiler", name: "build" });
  expect(makerOf("/opt/cc/build2", "", more)).toBeUndefined();
});
