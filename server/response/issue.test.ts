import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ActionOrder, CommandState } from "@provost/shared/model/command.ts";
import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { Instant } from "@provost/shared/model/ids.ts";
import { CommandQuery, IncidentQuery } from "@provost/shared/protocol/api.ts";
import { openAudit } from "../audit/audit.ts";
import { incidentDetail } from "../incidents/detail.ts";
import { openIncidents, type Incidents } from "../incidents/incidents.ts";
import { acceptBatch } from "../ingest/accept.ts";
import { asUnproven, device, digit, file, judgedAs, other, purl, record } from "../store/contract-samples.ts";
import { sqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { openResponse, type Response } from "./issue.ts";

const sealed = digit("a");
const process = { pid: 4711, startedAt: "1200000000000" };
const kill: ActionOrder = { action: "kill-process-tree", process, executable: "/tmp/x" };
const quarantine: ActionOrder = { action: "quarantine-file", root: "", path: "/tmp/x", sha256: sealed };
const block: ActionOrder = { action: "block-digest", sha256: sealed };

const finding: DetectedFinding = {
  id: "fnd_one",
  device,
  at: 5000 as Instant,
  source: "reducer",
  rule: { id: "provost.drop-and-execute", title: "A file that nothing claims was written and started" },
  level: "critical",
  techniques: ["T1105"],
  sentence: "/tmp/x was written and started.",
  subject: { kind: "file", path: "/tmp/x", sha256: sealed },
  lineage: [
    {
      ...process,
      executable: "/tmp/x",
      command: "/tmp/x",
      worth: { standing: "unproven", basis: "none", sha256: sealed },
    },
    { pid: 4700, startedAt: "1100000000000", executable: "/usr/bin/npm", command: "npm install" },
  ],
  events: ["a-1"],
  facts: {},
};

let folder: string;
let store: Store;
let response: Response;
let incidents: Incidents;
let sent = 0;
beforeEach(() => {
  sent = 0;
  folder = mkdtempSync(join(tmpdir(), "provost-response-"));
  store = sqliteStore(folder);
  store.inventory.addDevice({ id: device, name: "alpha", publicKey: "key", epoch: "one" }, 1000);
  store.inventory.addDevice({ id: other, name: "beta", publicKey: "key2", epoch: "one" }, 1000);
  response = openResponse(
    store,
    openAudit(
      store.audit,
      () => 6000,
      () => undefined,
    ),
    () => 6000,
    () => undefined,
  );
  incidents = openIncidents(store.incidents, store.detections);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const issue = (order: ActionOrder, incident?: string): string =>
  response.issue([device], { order, reason: "it is not ours", by: "owner", incident, confirmed: true })[0]?.id ?? "";

/** What the device tells, as it comes in. Returns which topics changed. */
function tell(command: string, ...states: readonly CommandState[]): readonly string[] {
  const frames = states.map((state) => ({ kind: "report" as const, command, state, steps: [], at: 7000 }));
  const first = sent + 1;
  sent += frames.length;
  const accepted = acceptBatch(device, { kind: "batch", first, skipped: 0, frames }, store, noDesk, 7000);
  return accepted.ok ? [...accepted.changes].filter(([, by]) => by > 0).map(([topic]) => topic) : [];
}
/** A report asks nobody what files are worth. */
const noDesk = {} as Parameters<typeof acceptBatch>[3];

describe("the preview of an undo", () => {
  test("names what is taken back, in the reverse order, and says no way back for its own steps", () => {
    const id = issue(quarantine);
    tell(id, "accepted", "executed", "verified");
    expect(response.preview([device], { action: "undo", command: id })).toEqual({
      says: "Undo: Quarantine /tmp/x",
      steps: [
        { step: "seal-file", says: "Put /tmp/x back with its owner, mode, attributes and times" },
        { step: "deny-digest", says: "Let the policy decide again about files with the digest aaaaaaaaaaaa" },
      ],
      devices: 1,
      warnings: [],
    });
    issue({ action: "undo", command: id });
    const rows = store.commands.commands(CommandQuery.parse({})).rows;
    expect(rows.map(({ says, canUndo }) => [says, canUndo])).toEqual([
      ["Undo: Quarantine /tmp/x", false],
      ["Quarantine /tmp/x", true],
    ]);
  });

  test("is refused while nothing was done", () => {
    const id = issue(quarantine);
    expect(response.preview([device], { action: "undo", command: id }).refused).toBe(
      "the order is issued: there is nothing to undo",
    );
  });
});

test("orders about bytes are found by their digest", () => {
  issue(kill);
  issue(quarantine);
  issue({ action: "block-digest", sha256: digit("b") });
  const rows = store.commands.commands(CommandQuery.parse({ digest: sealed })).rows;
  expect(rows.map(({ action }) => action)).toEqual(["quarantine-file"]);
});

test("the preview of an order for many devices counts them", () => {
  expect(response.preview([device, other], block)).toMatchObject({ devices: 2, warnings: [] });
});

test("what a package of the system owns, though nothing proves it here, waits for a person's word", () => {
  const bash = file("/bin/bash", { digest: sealed, records: [record("bash")] });
  store.inventory.putFiles(
    device,
    [bash, file("/tmp/own", { digest: digit("c") })],
    [],
    judgedAs("unproven", "recorded"),
    1,
  );
  const warning = `/bin/bash belongs to the installed package ${purl("bash")}.`;
  expect(response.preview([device], block).warnings).toEqual([warning]);
  const ordering = { order: block, reason: "a list names it", by: "policy automatic" };
  expect(() => response.issue([device], ordering)).toThrow(/waits for a person's word: \/bin\/bash belongs/);
  expect(response.issue([device], { ...ordering, confirmed: true })).toHaveLength(1);
  expect(response.preview([device], { action: "block-digest", sha256: digit("c") }).warnings).toEqual([]);
});

describe("an incident", () => {
  const only = () => store.incidents.incidents(IncidentQuery.parse({})).rows[0];
  let id: string;
  beforeEach(() => {
    id = incidents.found([finding])[0]?.id ?? "";
  });

  test("is contained while an order of it stands verified, and open again once the last is undone", () => {
    const [first, second] = [issue(kill, id), issue(quarantine, id)];
    expect(tell(first, "accepted", "executed")).toEqual(["audit", "commands"]);
    expect(only()?.state).toBe("open");
    expect(tell(first, "verified")).toEqual(["audit", "commands", "incidents"]);
    expect(only()).toMatchObject({ state: "contained", contained: ["kill-process-tree"] });
    tell(second, "accepted", "executed", "verified");
    tell(second, "reverted");
    expect(only()?.state).toBe("contained");
    expect(tell(first, "reverted")).toEqual(["audit", "commands", "incidents"]);
    expect(only()?.state).toBe("open");
  });

  test("stays open under an order that failed, under an undo, and under what lets bytes run", () => {
    const failed = issue(kill, id);
    tell(failed, "accepted", "failed");
    const undone = issue(quarantine);
    tell(undone, "accepted", "executed", "verified");
    tell(issue({ action: "undo", command: undone }, id), "accepted", "executed", "verified");
    const allow = { action: "allow-digest", sha256: sealed, code: "abcdef", expires: 9_000_000 } as const;
    tell(issue(allow, id), "accepted", "executed", "verified");
    expect(only()?.state).toBe("open");
  });

  test("of one device is not contained by what another device did for it", () => {
    const [, far] = response.issue([device, other], {
      order: block,
      reason: "it is not ours",
      by: "owner",
      incident: id,
      confirmed: true,
    });
    const states = ["accepted", "executed", "verified"] as const;
    const frames = states.map((state) => ({
      kind: "report" as const,
      command: far?.id ?? "",
      state,
      steps: [],
      at: 7000,
    }));
    acceptBatch(other, { kind: "batch", first: 1, skipped: 0, frames }, store, noDesk, 7000);
    expect(store.commands.one(far?.id ?? "")?.state).toBe("verified");
    expect(only()?.state).toBe("open");
  });

  test("stays closed whatever is verified later, and keeps who closed it and why", () => {
    const order = issue(kill, id);
    incidents.setState(id, "closed", "owner", "a test of ours", 6500);
    expect(tell(order, "accepted", "executed", "verified")).toEqual(["audit", "commands"]);
    expect(incidentDetail(id, store)).toMatchObject({
      state: "closed",
      closedBy: "owner",
      closedWhy: "a test of ours",
    });
  });

  test("is found by what it tells, and counted while it is open", () => {
    expect(store.read.search("WRITTEN and").hits).toEqual([
      { kind: "incident", id, title: finding.sentence, detail: "alpha, critical, open" },
    ]);
    expect(store.read.search("written%").hits).toEqual([]);
    expect(store.incidents.openByLevel()).toEqual({ critical: 1, high: 0, medium: 0, low: 0, informational: 0 });
    incidents.setState(id, "closed", "owner", "a test of ours", 6500);
    expect(store.incidents.openByLevel().critical).toBe(0);
  });

  test("counts the other devices that have its bytes, and links what ran to the inventory", () => {
    expect(only()?.elsewhere).toBe(0);
    for (const on of [device, other])
      store.inventory.putFiles(
        on,
        [file("/tmp/x", { digest: sealed }), file("/opt/x", { digest: sealed })],
        [],
        asUnproven,
        1,
      );
    expect(only()?.elsewhere).toBe(1);
    const detail = incidentDetail(id, store);
    expect(detail).toMatchObject({ elsewhere: 1, blast: [{ device: other, by: "digest" }] });
    const linked = detail?.tree.map(({ executableId }) => store.read.executable(executableId ?? "")?.row.path);
    expect(linked).toEqual([undefined, "/tmp/x"]);
    expect(Object.keys(detail ?? {})).not.toContain("digests");
  });

  test("shows what its device lost while it happened, and nothing of another time or device", () => {
    expect(incidentDetail(id, store)?.blind).toEqual([]);
    const lost = (on: typeof device, at: number, why: string) => store.inventory.lost(on, "telemetry", 7, why, at);
    lost(device, 5500, "the ring was full");
    lost(device, 5000 + 3_600_000, "an hour later");
    lost(other, 5500, "elsewhere");
    store.gate.report({ device, kind: "silent", at: 5600, says: "Nothing was heard of it.", facts: {} });
    store.gate.report({ device, kind: "tamper", at: 5600, says: "That is no loss.", facts: {} });
    const detail = incidentDetail(id, store);
    expect(detail?.blind).toEqual([
      { at: 5500, says: "the ring was full", count: 7 },
      { at: 5600, says: "Nothing was heard of it.", count: 1 },
    ]);
    expect(detail?.timeline.filter(({ kind }) => kind === "lost").map(({ says }) => says)).toEqual([
      "the ring was full",
      "Nothing was heard of it.",
    ]);
  });
});
