import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Store } from "../store.ts";
import { sqliteStore } from "./sqlite.ts";

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-habits-"));
  store = sqliteStore(folder);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});
const [one, two] = ["d1" as DeviceId, "d2" as DeviceId];
const day = 86_400_000;

test("something is usual on so many devices, first met at the earliest; to ask costs one row", () => {
  const { baseline } = store;
  expect(baseline.meet("program", "a", one, 20)).toEqual({ onDevice: false, devices: 0, firstAt: undefined });
  expect(baseline.meet("program", "a", one, 30)).toEqual({ onDevice: true, devices: 1, firstAt: 20 });
  expect(baseline.meet("program", "a", two, 10)).toEqual({ onDevice: false, devices: 1, firstAt: 20 });
  expect(baseline.meet("program", "a", two, 40)).toEqual({ onDevice: true, devices: 2, firstAt: 10 });
  expect(baseline.meet("reader", "a", two, 40).devices).toBe(0);
});

test("what nobody did for long is new again; what somebody still does is not", () => {
  const { baseline } = store;
  baseline.meet("program", "a", one, 10);
  baseline.meet("program", "a", two, 500);
  baseline.meet("program", "b", one, 10);
  baseline.dropOlder(100);
  expect(baseline.meet("program", "a", one, 600)).toMatchObject({ onDevice: false, devices: 1 });
  expect(baseline.meet("program", "b", one, 600)).toEqual({ onDevice: false, devices: 0, firstAt: undefined });
});

test("a word that is said again is kept, one that is not is forgotten", () => {
  const { baseline } = store;
  baseline.replace("listens a", one, "x", 0);
  baseline.replace("listens b", one, "y", 0);
  expect(baseline.replace("listens a", one, "x", 3 * day)).toBe("x");
  baseline.dropOlder(2 * day);
  expect([baseline.last("listens a", one), baseline.last("listens b", one)]).toEqual(["x", undefined]);
});

test("old findings go; those of an incident that is open stay", () => {
  const finding = (id: string, at: number) => ({
    id,
    device: one,
    at: at as never,
    source: "reducer" as const,
    rule: { id: "r", title: "r" },
    level: "low" as const,
    techniques: [],
    sentence: "s",
    subject: { kind: "device" as const },
    lineage: [],
    events: [],
    facts: {},
  });
  store.detections.put([finding("old", 1), finding("held", 1), finding("closed", 1), finding("new", 100)]);
  store.detections.setIncident(["held"], "i1");
  store.detections.setIncident(["closed"], "i2");
  const raw = new Database(join(folder, "server.sqlite"));
  const incident = raw.prepare("INSERT INTO incidents VALUES (NULL, ?, 'd1', ?, 'low', 1, 's', 1, 1, '{}')");
  incident.run("i1", "open");
  incident.run("i2", "closed");
  raw.close();
  store.detections.dropOlder(50);
  const left = store.detections.put(["old", "held", "closed", "new"].map((id) => finding(id, 1)));
  expect(left.map(({ id }) => id)).toEqual(["old", "closed"]);
});
