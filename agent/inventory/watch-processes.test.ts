import { expect, test } from "vitest";
import { NewRoots } from "./watch-processes.ts";

const minute = 60_000;

test("a root that appears is read once, one after another not more often than every ten minutes", () => {
  const roots = new NewRoots();
  const at = (now: number, ...containers: readonly string[]) =>
    roots.areNew([{}, ...containers.map((container) => ({ container }))], now);
  expect(at(0, "a")).toBe(false);
  expect(at(3000, "a")).toBe(false);
  expect(at(6000, "a", "b")).toBe(true);
  expect(at(9000, "a", "b")).toBe(false);
  expect(at(2 * minute, "b", "c")).toBe(false);
  expect(at(11 * minute, "b", "c")).toBe(true);
  expect(at(22 * minute, "b")).toBe(false);
});
