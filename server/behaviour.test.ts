import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Purl } from "@provost/shared/model/ids.ts";
import { DetectionQuery, IncidentQuery } from "@provost/shared/protocol/api.ts";
import type { EventsFrame } from "@provost/shared/protocol/frames.ts";
import { startBehaviour } from "./behaviour.ts";
import type { Behaviour } from "./behaviour.ts";
import { openIncidents } from "./incidents/incidents.ts";
import type { Response } from "./response/issue.ts";
import { asUnproven, device, digit, file, installed, judgedAs } from "./store/contract-samples.ts";
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

const rests = (path: string, sha256: ReturnType<typeof digit>, standing = asUnproven) => {
  const files = [file(path, { digest: sha256 })];
  store.inventory.putFiles(device, files, [], standing, 1);
  return { files, packages: [] };
};
const evil = (version: string) => ({
  ...installed("evil"),
  purl: `pkg:npm/evil@${version}` as Purl,
  ecosystem: "npm" as const,
  name: "evil",
  version,
  location: "/srv/node_modules/evil",
});
const hasPackage = (version: string) => {
  const packages = [evil(version)];
  store.inventory.putPackages(device, packages, [], 1);
  return { files: [], packages };
};
const record = JSON.stringify({
  id: "MAL-2026-1",
  affected: [{ package: { ecosystem: "npm", name: "evil" }, versions: ["1.0.1"] }],
});
const about = () =>
  store.detections.detections(DetectionQuery.parse({})).rows.map(({ rule, level, subject, facts, source }) => ({
    rule: rule.id,
    level,
    subject,
    facts,
    source,
  }));

test("files and packages that lie there are found by lists that come later, once", async () => {
  rests("/opt/never-started", digit("a"));
  rests("/usr/bin/vouched", digit("b"), judgedAs("signed", "publisher"));
  rests("/opt/other", digit("c"));
  hasPackage("1.0.1");
  writeFileSync(join(folder, "indicators/feed.txt"), `${digit("a")}\n${digit("b")}\n`);
  writeFileSync(join(folder, "indicators/osv.json"), record);
  begin();
  await expect.poll(() => about().length).toBe(3);
  const by = (kind: string) => about().filter(({ rule }) => rule === kind);
  expect(by("provost.listed-package")).toEqual([
    {
      rule: "provost.listed-package",
      level: "high",
      source: "intel",
      subject: { kind: "package", purl: "pkg:npm/evil@1.0.1" },
      facts: {
        indicator: "MAL-2026-1",
        source: "osv.json",
        package: "pkg:npm/evil@1.0.1",
        location: "/srv/node_modules/evil",
      },
    },
  ]);
  expect(
    by("provost.indicator")
      .toSorted((a, b) => (a.level < b.level ? -1 : 1))
      .map(({ level, subject }) => [level, subject]),
  ).toEqual([
    ["high", { kind: "file", path: "/opt/never-started", sha256: digit("a") }],
    ["medium", { kind: "file", path: "/usr/bin/vouched", sha256: digit("b") }],
  ]);
  behaviour?.close();
  begin();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(about()).toHaveLength(3);
});

test("files and packages that arrive while the lists are there are found as they come", async () => {
  writeFileSync(join(folder, "indicators/feed.txt"), `${digit("a")}\n`);
  writeFileSync(join(folder, "indicators/osv.json"), record);
  starts("11", Date.now(), digit("a"));
  begin();
  await expect.poll(found).toHaveLength(1);
  behaviour?.arrived(device, rests("/opt/dropped", digit("a")));
  behaviour?.arrived(device, rests("/opt/clean", digit("c")));
  behaviour?.arrived(device, hasPackage("1.0.0"));
  expect(about()).toHaveLength(2);
  behaviour?.arrived(device, hasPackage("1.0.1"));
  behaviour?.arrived(device, hasPackage("1.0.1"));
  expect(about().filter(({ source }) => source === "intel")).toHaveLength(2);
  // The file that started and the one that lies there are one story: the same bytes.
  expect(
    store.incidents
      .incidents(IncidentQuery.parse({}))
      .rows.map(({ findings }) => findings)
      .toSorted((a, b) => a - b),
  ).toEqual([1, 2]);
});
