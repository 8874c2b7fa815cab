import { describe, expect, test } from "vitest";
import { isNews } from "./health.ts";

const before = { at: 0, rssBytes: 70_000_000, cpuShare: 0.01, spooledFrames: 5 };

describe("what an agent tells of itself", () => {
  test("is told once while nothing changes", () => {
    expect(isNews({ ...before, at: 30_000, rssBytes: 71_000_000, spooledFrames: 0 }, before)).toBe(false);
  });

  test.each([
    ["after ten minutes", { at: 600_000 }],
    ["when memory grew by a tenth", { rssBytes: 78_000_000 }],
    ["when memory fell by a tenth", { rssBytes: 62_000_000 }],
    ["when it works", { cpuShare: 0.2 }],
    ["when frames gather", { spooledFrames: 500 }],
  ])("again %s", (_when, now) => {
    expect(isNews({ ...before, at: 30_000, ...now }, before)).toBe(true);
  });

  test("again when it has stopped working", () => {
    expect(isNews({ ...before, at: 30_000, cpuShare: 0 }, { ...before, cpuShare: 0.2 })).toBe(true);
  });
});
