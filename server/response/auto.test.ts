import { expect, test } from "vitest";
import type { ActionOrder } from "@provost/shared/model/command.ts";
import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { DeviceId, Instant } from "@provost/shared/model/ids.ts";
import type { StoredIncident } from "../incidents/incident-store.ts";
import { device, deviceAt, digit } from "../store/contract-samples.ts";
import { openAutomatic } from "./auto.ts";
import type { Response } from "./issue.ts";

const fleet: readonly DeviceId[] = [device, ...Array.from({ length: 150 }, (_unused, at) => deviceAt(at))];
const process = { pid: 7, startedAt: "10", executable: "/tmp/x", command: "/tmp/x" };
const dropped: DetectedFinding = {
  id: "fnd_one",
  device,
  at: 1 as Instant,
  source: "reducer",
  rule: { id: "provost.drop-and-execute", title: "dropped" },
  level: "critical",
  techniques: [],
  sentence: "x",
  subject: { kind: "file", path: "/tmp/x", sha256: digit("a") },
  lineage: [process],
  events: ["a"],
  facts: {},
};
const left: DetectedFinding = {
  ...dropped,
  id: "fnd_two",
  rule: { id: "provost.install-hook-network", title: "talked" },
  level: "medium",
  subject: { kind: "destination", address: "192.0.2.1", port: 443 },
};

function scene(findings: readonly DetectedFinding[]) {
  const given: { readonly device: DeviceId; readonly order: ActionOrder }[] = [];
  const store = {
    inventory: { deviceIds: () => fleet },
    detections: { ofIncident: () => findings },
    // As the store does it: the oldest hundred of those that are asked for.
    commands: {
      commands: (asked: { readonly device?: string }) => ({
        rows: given.filter((one) => asked.device === undefined || one.device === asked.device).slice(0, 100),
      }),
    },
  } as unknown as Parameters<typeof openAutomatic>[1];
  const response = {
    issue: (devices: readonly DeviceId[], { order }: { readonly order: ActionOrder }) =>
      given.push(...devices.map((one) => ({ device: one, order }))),
  } as unknown as Response;
  const incident = { id: "inc_one", device, severity: "critical", sentence: "x" } as StoredIncident;
  const contain = openAutomatic("high", store, response, () => undefined);
  return {
    given,
    contain: () => contain(incident),
    here: (): readonly string[] => given.filter((one) => one.device === device).map(({ order }) => order.action),
  };
}

test("what was dropped is blocked on the whole fleet, and later steps on the device still come, each once", () => {
  const findings = [dropped];
  const { given, contain, here } = scene(findings);
  contain();
  expect(here()).toEqual(["kill-process-tree", "quarantine-file", "block-digest"]);
  expect(given).toHaveLength(2 + fleet.length);
  findings.push(left);
  contain();
  contain();
  expect(here()).toEqual(["kill-process-tree", "quarantine-file", "block-digest", "isolate-host"]);
  expect(given).toHaveLength(3 + fleet.length);
});

test("after ten orders a person has to look, but many dropped files do not keep the device from being isolated", () => {
  const findings = ["b", "c", "d", "e", "f", "1", "2"].map((sha256, at) => ({
    ...dropped,
    id: `fnd_${at}`,
    subject: { kind: "file" as const, path: `/tmp/${sha256}`, sha256: digit(sha256) },
  }));
  const all: DetectedFinding[] = [...findings];
  const { contain, here } = scene(all);
  contain();
  expect(here()).toHaveLength(10);
  all.push(left);
  contain();
  contain();
  expect(here()).toHaveLength(11);
  expect(here().at(-1)).toBe("isolate-host");
});
