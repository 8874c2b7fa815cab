import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Hearing } from "./hearing.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function scene() {
  const said: string[] = [];
  const hearing = new Hearing({
    alarm: (kind, says) => said.push(`${kind}: ${says}`),
    changed: () => said.push("changed"),
    processesLost: () => said.push("processes lost"),
  });
  return { hearing, said, take: () => said.splice(0) };
}

test("a sensor that says nothing for six looks is missing, once, until it answers", () => {
  const { hearing, take } = scene();
  vi.advanceTimersByTime(5000);
  expect([hearing.isMissing, take()]).toEqual([false, []]);
  hearing.heard();
  hearing.gone("its socket is closed");
  vi.advanceTimersByTime(5000);
  expect(hearing.isMissing).toBe(false);
  vi.advanceTimersByTime(30_000);
  expect(hearing.isMissing).toBe(true);
  expect(take()).toEqual(["missing: The sensor does not answer: its socket is closed.", "changed"]);
  hearing.heard();
  expect(hearing.isMissing).toBe(false);
  expect(take()).toEqual(["missing: The sensor answers again.", "changed"]);
  hearing.close();
});

test("what was lost is told once for each place in ten looks, and the rest at the end", () => {
  const { hearing, take } = scene();
  const beat = (): void => {
    hearing.heard();
    vi.advanceTimersByTime(1000);
  };
  for (let n = 0; n < 5; n += 1) hearing.lost({ where: "socket buffer", count: 2 });
  hearing.lost({ where: "fanotify queue", count: 1 });
  for (let n = 0; n < 9; n += 1) beat();
  expect(take()).toEqual([]);
  beat();
  expect(take()).toEqual([
    "lost: 10 events were lost (socket buffer).",
    "lost: 1 events were lost (fanotify queue).",
    "processes lost",
  ]);
  hearing.lost({ where: "socket buffer", count: 3 });
  hearing.close();
  expect(take()).toEqual(["lost: 3 events were lost (socket buffer).", "processes lost"]);
  vi.advanceTimersByTime(60_000);
  expect(take()).toEqual([]);
});
