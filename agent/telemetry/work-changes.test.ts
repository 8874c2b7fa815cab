import { expect, test } from "vitest";
import type { ObservedProcess } from "@provost/shared/model/observed.ts";
import { WorkChanges } from "./work-changes.ts";

const process = (pid: number): ObservedProcess => ({
  pid,
  startedAt: String(pid),
  uid: 0,
  gid: 0,
  executable: "/bin/x",
  arguments: [],
  name: "x",
});

test("what a process made stays known for a moment after its end, and is let go when many have ended since", () => {
  const changes = new WorkChanges();
  changes.made(process(1), "/srv/a");
  changes.ended(process(1));
  expect(changes.isMadeBy(process(1), "/srv/a")).toBe(true);
  for (let pid = 2; pid < 100; pid += 1) {
    changes.made(process(pid), "/srv/b");
    changes.ended(process(pid));
  }
  expect(changes.isMadeBy(process(1), "/srv/a")).toBe(false);
  expect(changes.isMadeBy(process(99), "/srv/b")).toBe(true);
});

test("at rest what ended processes made is let go, and what others made is not", () => {
  const changes = new WorkChanges();
  for (const pid of [1, 2]) changes.made(process(pid), "/srv/a");
  changes.ended(process(1));
  changes.rest();
  expect([1, 2].map((pid) => changes.isMadeBy(process(pid), "/srv/a"))).toEqual([false, true]);
});

test("where more was made than is kept, the process that made something longest ago is forgotten first, then the oldest file", () => {
  const changes = new WorkChanges();
  changes.made(process(1), "/srv/old");
  for (let at = 0; at < 16_384; at += 1) changes.made(process(2), `/srv/${at}`);
  expect(changes.isMadeBy(process(1), "/srv/old")).toBe(false);
  expect(changes.isMadeBy(process(2), "/srv/0")).toBe(true);
  changes.made(process(2), "/srv/one-more");
  expect(changes.isMadeBy(process(2), "/srv/0")).toBe(false);
  expect(changes.isMadeBy(process(2), "/srv/one-more")).toBe(true);
});
