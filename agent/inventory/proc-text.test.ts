import { expect, test } from "vitest";
import { bootTime, mappedFiles, parseStat } from "./proc-text.ts";

test("a process whose name holds parentheses and spaces is still read", () => {
  const fields = Array.from({ length: 30 }, (_none, index) => String(index + 100)).join(" ");
  expect(parseStat(`42 (a) S 1 (b) S ${fields}`)).toEqual({
    name: "a) S 1 (b",
    parent: 100,
    startTicks: 118,
    isKernel: false,
  });
});

test("a thread of the kernel's own is told from a program without a name", () => {
  const before = "2 (kthreadd) S 0 0 0 0 -1";
  const after = "0 0 0 0 0 0 0 0 20 0 1 0 7 0 0";
  expect(parseStat(`${before} 2129984 ${after}`)).toMatchObject({ name: "kthreadd", startTicks: 7, isKernel: true });
  expect(parseStat(`${before} 4194560 ${after}`)).toMatchObject({ isKernel: false });
});

test.each(["", "42 (cut", "42 (x) S notanumber"])("%j is not a process", (text) => {
  expect(parseStat(text)).toBeUndefined();
});

test("only executable mappings with a file behind them are listed, each file once", () => {
  const maps = [
    "00400000-00401000 r-xp 00000000 fe:00 12 /usr/bin/x",
    "00401000-00402000 r-xp 00001000 fe:00 12 /usr/bin/x",
    "7f00-7f01 rw-p 00000000 fe:00 13 /usr/lib/data",
    "7f02-7f03 r-xp 00000000 00:00 0 [vdso]",
    "7f04-7f05 rwxp 00000000 00:01 99 /memfd:evil (deleted)",
    "7f06-7f07 r-xp 00000000 fe:00 14 /tmp/a\\012b",
  ].join("\n");
  expect(mappedFiles(maps)).toEqual([
    { range: "400000-401000", path: "/usr/bin/x" },
    { range: "7f04-7f05", path: "/memfd:evil (deleted)" },
    { range: "7f06-7f07", path: "/tmp/a\\x0ab" },
  ]);
});

test("the start of the machine is read from /proc/stat", () => {
  expect(bootTime("cpu 1 2\nbtime 1700000000\nprocesses 3")).toBe(1_700_000_000);
});
