import { expect, test } from "vitest";
import { running, scanDetail, scanShare, type Scan } from "./scan-progress.tsx";

const scan = (state: Scan["state"], more: Partial<Scan> = {}): Scan => ({
  state,
  filesSeen: 402_113,
  executables: 9841,
  hashed: 4120,
  toHash: 9841,
  startedAt: 1000,
  ...more,
});

test.each([
  ["a walk has no known end", scan("walking"), undefined],
  ["hashing has one", scan("hashing", { hashed: 50, toHash: 200 }), 0.25],
  ["more hashed than was counted is not more than all", scan("hashing", { hashed: 300, toHash: 200 }), 1],
  ["nothing to hash is no division by zero", scan("hashing", { toHash: 0 }), undefined],
  ["done is done", scan("done"), 1],
])("%s", (_name, state, part) => {
  expect(scanShare(state)).toBe(part);
});

test("what is being done is told in numbers and time", () => {
  expect(scanDetail(scan("hashing"), 43_000)).toBe("4,120 of 9,841 hashed · 42 s");
  expect(scanDetail(scan("done", { endedAt: 31_000 }), 999_000)).toBe("9,841 executables, 402,113 files seen · 30 s");
  expect(scanDetail(scan("never"), 0)).toBe("");
});

test("a device clock ahead of ours gives no negative time", () => {
  expect(scanDetail(scan("walking", { startedAt: 90_000 }), 1000)).toBe("402,113 files seen · 0 s");
});

test("only work in progress has a bar", () => {
  const states = ["never", "walking", "hashing", "proving", "done", "failed"] as const;
  expect(states.filter((state) => running(scan(state)))).toEqual(["walking", "hashing", "proving"]);
});
