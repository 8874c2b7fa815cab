import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseStat } from "../inventory/proc-text.ts";
import { ProcessTable, commandText } from "./process-table.ts";

const second = 1e9;

test("a process is found by number and start; the number alone is not enough", () => {
  const table = new ProcessTable();
  table.exec(4_000_001, 5 * second, 1, "/bin/a", "a\0-x");
  expect(table.find(4_000_001, 5 * second)).toMatchObject({ program: "/bin/a", words: "a\0-x" });
  expect(table.find(4_000_001, 6 * second)).toBeUndefined();
});

test("it is known a while after its end, also when its number is used again", () => {
  const table = new ProcessTable();
  table.exec(4_000_001, 5 * second, 1, "/bin/a", "a");
  table.exit(4_000_001, 5 * second);
  table.exec(4_000_001, 9 * second, 1, "/bin/b", "b");
  expect(table.find(4_000_001, 5 * second)?.program).toBe("/bin/a");
  expect(table.find(4_000_001, 9 * second)?.program).toBe("/bin/b");
});

test("of long arguments the beginning is kept after the end, which is where a script stands", () => {
  const table = new ProcessTable();
  const words = `node\0/usr/bin/npm\0${"x".repeat(8000)}`;
  table.exec(4_000_001, 5 * second, 1, "/usr/bin/node", words);
  expect(table.find(4_000_001, 5 * second)?.words).toBe(words);
  table.exit(4_000_001, 5 * second);
  expect(table.find(4_000_001, 5 * second)?.words).toBe(words.slice(0, 512));
});

test("a fork runs its parent's program, and an exec that was told first is not undone by it", () => {
  const table = new ProcessTable();
  table.exec(4_000_001, 5 * second, 1, "/bin/a", "a");
  table.fork(4_000_002, 6 * second, 4_000_001);
  expect(table.find(4_000_002, 6 * second)).toMatchObject({ parent: 4_000_001, program: "/bin/a" });
  table.exec(4_000_003, 7 * second, 4_000_001, "/bin/c", "c");
  table.fork(4_000_003, 7 * second, 4_000_001);
  const found = table.find(4_000_003, 7 * second);
  expect(found?.program).toBe("/bin/c");
  expect(found === undefined ? [] : table.parents(found, 5).map(({ program }) => program)).toEqual(["/bin/a"]);
});

test("who is below a process is known over those that ended in between, and never by a number alone", () => {
  const table = new ProcessTable();
  const tick = (second_: number): number => second_ * 100;
  table.exec(4_000_001, 5 * second, 1, "/bin/root", "");
  table.fork(4_000_002, 6 * second, 4_000_001);
  table.fork(4_000_003, 7 * second, 4_000_002);
  table.exit(4_000_002, 6 * second);
  // The number of the one in between is another's now, and so are its children.
  table.exec(4_000_002, 8 * second, 1, "/bin/other", "");
  table.fork(4_000_004, 9 * second, 4_000_002);
  expect(table.descendants(4_000_001, tick(5))).toEqual([4_000_003]);
  expect(table.descendants(4_000_002, tick(8))).toEqual([4_000_004]);
  table.exit(4_000_001, 5 * second);
  table.exec(4_000_001, 10 * second, 1, "/bin/reused", "");
  table.fork(4_000_005, 11 * second, 4_000_001);
  expect(table.descendants(4_000_001, tick(5))).toEqual([4_000_003]);
  expect(table.descendants(4_000_001, tick(10))).toEqual([4_000_005]);
});

test("what ran before the sensor is seeded from /proc", () => {
  const table = new ProcessTable();
  table.seed();
  const stat = parseStat(readFileSync("/proc/self/stat", "utf8"));
  expect(table.find(process.pid, (stat?.startTicks ?? 0) * 1e7)).toMatchObject({ parent: process.ppid });
  expect(table.programs().length).toBeGreaterThan(0);
});

test("it stays bounded when exits are lost", () => {
  const table = new ProcessTable();
  for (let pid = 1; pid <= 70_000; pid += 1) table.exec(5_000_000 + pid, second, 1, "/bin/a", "");
  expect(table.size).toBe(16_384);
  table.sweep();
  expect(table.size).toBe(0);
});

test("a command is text for people", () => {
  expect(commandText("sh\0-c\0echo \u001b[2J")).toBe("sh -c echo \\x1b[2J");
});
