import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ProcessWatch } from "./running.ts";
import { runningFrame } from "./write-running.ts";

test("a process is told with the start by which events and orders name it", () => {
  const told = runningFrame(new ProcessWatch().look(Date.now(), 0), Date.now());
  const own = told.processes.find(({ pid }) => pid === process.pid);
  const stat = readFileSync("/proc/self/stat", "utf8");
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  // A hundred ticks in a second: a tick is 10,000,000 nanoseconds.
  expect(own?.sinceBoot).toBe(`${ticks}0000000`);
});
