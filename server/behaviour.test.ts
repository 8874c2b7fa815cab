import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DetectionQuery } from "@provost/shared/protocol/api.ts";
import type { EventsFrame } from "@provost/shared/protocol/frames.ts";
import { startBehaviour } from "./behaviour.ts";
import type { Behaviour } from "./behaviour.ts";
import { openIncidents } from "./incidents/incidents.ts";
import type { Response } from "./response/issue.ts";
import { device, digit } from "./store/contract-samples.ts";
import { sqliteStore } from "./store/index.ts";
import type { Store } from "./store/store.ts";

/** Indicators, through the store and the incidents: what comes from now on, and what was there before. */
let folder: string;
let store: Store;
let behaviour: Behaviour | undefined;
const told: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-behaviour-"));
  mkdirSync(join(folder, "indicators"));
  store = sqliteStore(folder);
  store.inventory.addDevice({ id: device, name: "alpha", publicKey: "key", epoch: "one" }, 1000);
  told.length = 0;
});
afterEach(() => {
  behaviour?.close();
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const begin = (): void => {
  behaviour = startBehaviour(
    store,
    { indicators: [join(folder, "indicators")], respond: "off" },
    openIncidents(store.incidents, store.detections),
    undefined as unknown as Response,
    ({ sentence }) => told.push(sentence),
    () => undefined,
  );
};

/** A program of these bytes starts. */
const starts = (id: string, at: number, sha256: ReturnType<typeof digit>) => {
  const frame: EventsFrame = {
    kind: "events",
    processes: [
      {
        pid: 7,
        startedAt: id,
        executable: `/tmp/${id}`,
        arguments: [id],
        uid: 0,
        gid: 0,
        name: id,
        sha256,
        worth: { standing: "unproven", basis: "none", sha256 },
      },
    ],
    items: [{ kind: "exec", id, at, actor: 0 }],
  };
  return store.events.put(device, frame, at);
};
const found = () =>
  store.detections
    .detections(DetectionQuery.parse({}))
    .rows.filter(({ rule }) => rule.id === "provost.indicator")
    .map(({ sentence }) => sentence);

test("what was stored before a list came is looked at again, once, and makes an incident", async () => {
  starts("11", 1000, digit("a"));
  starts("12", 1001, digit("b"));
  begin();
  expect(found()).toEqual([]);
  writeFileSync(join(folder, "indicators/feed.txt"), digit("a"));
  behaviour?.close();
  begin();
  await expect.poll(found).toEqual(["/tmp/11 started, whose digest feed.txt lists."]);
  expect(told).toEqual(["/tmp/11 started, whose digest feed.txt lists."]);
  behaviour?.close();
  begin();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(found()).toHaveLength(1);
});

test("what starts while a list is there is found as it comes", async () => {
  writeFileSync(join(folder, "indicators/feed.txt"), `${digit("a")}\n`);
  starts("11", 1000, digit("a"));
  begin();
  await expect.poll(found).toHaveLength(1);
  behaviour?.observed(device, starts("13", Date.now(), digit("a")));
  behaviour?.observed(device, starts("14", Date.now(), digit("c")));
  expect(found()).toContain("/tmp/13 started, whose digest feed.txt lists.");
  expect(found()).toHaveLength(2);
});

test("looking back makes nothing usual", async () => {
  writeFileSync(join(folder, "indicators/feed.txt"), digit("a"));
  starts("11", 1000, digit("a"));
  begin();
  await expect.poll(found).toHaveLength(1);
  expect(store.baseline.meet("program", digit("a"), device, 2000)).toMatchObject({ onDevice: false, devices: 0 });
});
