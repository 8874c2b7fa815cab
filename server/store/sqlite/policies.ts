import type { GateMode } from "@provost/shared/model/gate.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { DeviceGate, PolicyStore, StepBack, StoredIssue, StoredPolicy } from "../../policies/policy-store.ts";
import type { Database as Db } from "better-sqlite3";

export const policyMigrations: readonly string[] = [
  `CREATE TABLE policies (
     number INTEGER PRIMARY KEY, yaml TEXT NOT NULL, at INTEGER NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL
   ) STRICT;
   CREATE TABLE policy_issues (
     issue INTEGER PRIMARY KEY, policy INTEGER NOT NULL, body TEXT NOT NULL, signature TEXT NOT NULL
   ) STRICT;
   CREATE TABLE step_backs (
     n INTEGER PRIMARY KEY, policy INTEGER NOT NULL, ring TEXT NOT NULL, from_mode TEXT NOT NULL, to_mode TEXT NOT NULL,
     at INTEGER NOT NULL, why TEXT NOT NULL, ended_at INTEGER, ended_by TEXT
   ) STRICT;
   CREATE UNIQUE INDEX step_backs_now ON step_backs (policy, ring) WHERE ended_at IS NULL;`,
];

interface StepRow {
  readonly policy: number;
  readonly ring: string;
  readonly from_mode: GateMode;
  readonly to_mode: GateMode;
  readonly at: number;
  readonly why: string;
  readonly ended_at: number | null;
  readonly ended_by: string | null;
}
const stepOf = ({ policy, ring, from_mode, to_mode, at, why }: StepRow): StepBack => ({
  policy,
  group: ring,
  from: from_mode,
  to: to_mode,
  at,
  why,
});

/** Bodies of earlier issues are of no use to anybody: a device that missed them gets the newest. */
const keptIssues = 20;
/** Equal stops within an hour are one line that keeps its first time (gate.ts). */
const foldMs = 3_600_000;

export function openPolicyStore(db: Db): PolicyStore {
  const add = db.prepare("INSERT INTO policies (number, yaml, at, by, why) VALUES (@number, @yaml, @at, @by, @why)");
  const policies = db.prepare<[number], StoredPolicy>("SELECT * FROM policies ORDER BY number DESC LIMIT ?");
  const one = db.prepare<[number], StoredPolicy>("SELECT * FROM policies WHERE number = ?");
  const addIssue = db.prepare(
    "INSERT INTO policy_issues (issue, policy, body, signature) VALUES (@issue, @policy, @body, @signature)",
  );
  const dropIssues = db.prepare("DELETE FROM policy_issues WHERE issue <= ?");
  const issue = db.prepare<[], StoredIssue>("SELECT * FROM policy_issues ORDER BY issue DESC LIMIT 1");
  const steps = db.prepare<[number], StepRow>("SELECT * FROM step_backs WHERE policy = ? ORDER BY n DESC LIMIT 200");
  const addStep = db.prepare(
    `INSERT INTO step_backs (policy, ring, from_mode, to_mode, at, why) VALUES (@policy, @group, @from, @to, @at, @why)`,
  );
  const endStep = db.prepare(
    "UPDATE step_backs SET ended_at = ?, ended_by = ? WHERE policy = ? AND ring = ? AND ended_at IS NULL",
  );
  const gates = db.prepare<[], GateRow>("SELECT id, name, frame FROM devices");
  const gate = db.prepare<[string], GateRow>("SELECT id, name, frame FROM devices WHERE id = ?");
  const stopped = db.prepare<[number, number], { device: DeviceId; files: number }>(
    `SELECT device, count(DISTINCT coalesce(sha256, file)) AS files FROM decisions
     WHERE outcome IN ('stopped', 'held') AND at >= ? AND last_at >= ? AND cause <> 'order' AND standing <> 'refuted' GROUP BY device`,
  );
  return {
    add: (policy) => void add.run(policy),
    newest: () => policies.get(1),
    one: (number) => one.get(number),
    policies: (limit) => policies.all(limit),
    addIssue(made) {
      addIssue.run(made);
      dropIssues.run(made.issue - keptIssues);
    },
    issue: () => issue.get(),
    stepsBack: (policy) =>
      steps
        .all(policy)
        .filter(({ ended_at }) => ended_at === null)
        .map(stepOf),
    allStepsBack: (policy) =>
      steps.all(policy).map((row) => ({
        ...stepOf(row),
        ...(row.ended_at === null ? {} : { endedAt: row.ended_at, endedBy: row.ended_by ?? "" }),
      })),
    addStepBack: (step) => void addStep.run(step),
    endStepBack: (policy, group, by, at) => endStep.run(at, by, policy, group).changes > 0,
    gates: () => gates.all().map(gateOf),
    gate(device) {
      const row = gate.get(device);
      return row === undefined ? undefined : gateOf(row);
    },
    stoppedFiles: (since) => new Map(stopped.all(since - foldMs, since).map(({ device, files }) => [device, files])),
  };
}

interface GateRow {
  readonly id: DeviceId;
  readonly name: string;
  readonly frame: string | null;
}

function gateOf({ id, name, frame }: GateRow): DeviceGate {
  const told = frame === null ? undefined : (JSON.parse(frame) as Partial<DeviceGate>);
  return { device: id, name, mode: told?.mode ?? "record", groups: told?.groups ?? [], policy: told?.policy };
}
