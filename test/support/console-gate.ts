import { createHash } from "node:crypto";
import { outcomeOf, type Outcome } from "@provost/shared/model/gate.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import type { DeviceRow, ExecutableRow } from "./console-data.ts";
import { fixtureNow } from "./console-words.ts";

export type DecisionRow = Answer<"decisions">["rows"][number];
export type FindingRow = Answer<"findings">["rows"][number];
export type RequestRow = Answer<"requests">["rows"][number];

/** What made-up gates did and what went wrong with them, hostile names included. */
export interface GateFacts {
  readonly decisions: readonly DecisionRow[];
  readonly findings: readonly FindingRow[];
  readonly requests: readonly RequestRow[];
}

export const emptyGate: GateFacts = { decisions: [], findings: [], requests: [] };

export function buildGate(devices: readonly DeviceRow[], executables: readonly ExecutableRow[]): GateFacts {
  return {
    decisions: Array.from({ length: 600 }, (_, at) => decisionAt(at, executables[(at * 7) % executables.length])),
    findings: findingsOf(devices),
    requests: Array.from({ length: 7 }, (_, at) => requestAt(at, executables[at * 3 + 2])),
  };
}

export function summaryOf(facts: GateFacts, device?: string): Answer<"overview">["gate"] {
  const since = fixtureNow - 86_400_000;
  const here = (row: { readonly device: string }): boolean => device === undefined || row.device === device;
  const count = (outcome: Outcome): number =>
    facts.decisions
      .filter((row) => here(row) && row.at >= since && row.outcome === outcome)
      .reduce((sum, row) => sum + row.count, 0);
  return {
    stopped: count("stopped"),
    held: count("held"),
    would: count("would"),
    warned: count("warned"),
    findings: facts.findings.filter((row) => here(row) && row.at >= since).length,
    open: facts.findings.filter((row) => here(row) && row.open).length,
    waiting: facts.requests.filter((row) => here(row) && row.allowedAt === undefined && row.answer === undefined)
      .length,
  };
}

const kinds = [
  { allowed: false, action: "block", cause: "requirement", mode: "block" },
  { allowed: true, action: "record", would: "block", cause: "requirement", mode: "record" },
  { allowed: false, action: "hold", cause: "expectation", mode: "hold" },
  { allowed: true, action: "warn", cause: "requirement", mode: "warn" },
  { allowed: true, action: "allow", cause: "exception", mode: "block" },
  { allowed: false, action: "block", cause: "refuted", mode: "block" },
  { allowed: false, action: "block", cause: "agent-gone", mode: "block" },
] as const;

function decisionAt(at: number, file: ExecutableRow | undefined): DecisionRow {
  if (file === undefined) throw new Error("the fixture's fleet has no executables");
  const kind = kinds[at % kinds.length] ?? kinds[0];
  const { path, root, device, deviceName, digest, id, standing, basis } = file;
  return {
    id: `dec_${at}`,
    at: fixtureNow - 90_000 * at,
    device,
    deviceName,
    code: (digest ?? sha256(id)).slice(0, 6),
    path,
    root,
    ...(digest === undefined ? {} : { digest }),
    ...(at % 5 === 4 ? {} : { executable: id }),
    access: (["exec", "script", "library", "input"] as const)[at % 4] ?? "exec",
    process: {
      pid: 4000 + at,
      startedAt: fixtureNow - 90_000 * at - 40,
      uid: at % 3 === 0 ? 0 : 1000,
      ...(at % 2 === 0 ? { loginUid: 1000 } : {}),
      executable: at % 6 === 0 ? "/home/hana/\u202etxt.sh" : "/usr/bin/bash",
      command: at % 6 === 1 ? "bash -c \u001b[2J./tool --now" : "bash -i",
    },
    ...kind,
    outcome: outcomeOf(kind),
    ...(kind.cause === "requirement" ? { rule: "built-somewhere" } : {}),
    why:
      kind.cause === "agent-gone"
        ? "The agent did not answer, and this file never ran before."
        : `"built-somewhere" wants it proven or signed, and it is ${standing}. Nothing claims it.`,
    policy: 14,
    tier: at % 3 === 0 ? "C" : "B",
    standing,
    basis,
    count: at % 11 === 0 ? 12 : 1,
    ...(at % 11 === 0 ? { lastAt: fixtureNow - 90_000 * at + 60_000 } : {}),
  };
}

function findingsOf(devices: readonly DeviceRow[]): readonly FindingRow[] {
  const [first, second, third, fourth] = devices;
  if (first === undefined || second === undefined || third === undefined || fourth === undefined) return [];
  const from = "device" as const;
  const found: readonly Omit<FindingRow, "id">[] = [
    {
      ...of(fourth),
      kind: "silent",
      from: "server",
      at: fixtureNow - 7_200_000,
      open: true,
      says: "Nothing was heard for so long, and nobody said that it was to stop.",
      facts: { "mode then": "block", "how the connection ended": "2 pings were not answered" },
    },
    {
      ...of(first),
      kind: "tamper",
      from,
      at: fixtureNow - 600_000,
      open: false,
      says: "Process 4411 (strace, user 0) sent signal 9 to the agent. The kernel refused it.",
      facts: { pid: "4411", program: "/usr/bin/strace", signal: "9", refused: "yes" },
    },
    {
      ...of(first),
      kind: "lost",
      from,
      at: fixtureNow - 4_000_000,
      open: false,
      says: "412 events of kind exec were lost in the kernel's ring.",
      facts: { count: "412", "\u202ewhere": "kernel ring" },
    },
    {
      ...of(second),
      kind: "silent",
      from: "server",
      at: fixtureNow - 9_000_000,
      endedAt: fixtureNow - 8_700_000,
      open: false,
      says: "Nothing was heard for so long, and nobody said that it was to stop.",
      facts: {},
    },
    ...(["degraded", "missing", "restarted", "stopped"] as const).map((kind, at) => ({
      ...of(third),
      kind,
      from,
      at: fixtureNow - 5_000_000 - at * 60_000,
      open: false,
      says: `The sensor reports: ${kind}. ${at === 1 ? "x".repeat(600) : "It says why in its own words."}`,
      facts: { part: "mmap_file" },
    })),
  ];
  return found.map((row, at) => ({ ...row, id: `fin_${at}` }));
}

const of = ({ id, name }: DeviceRow): Pick<FindingRow, "device" | "deviceName"> => ({ device: id, deviceName: name });

function requestAt(at: number, file: ExecutableRow | undefined): RequestRow {
  if (file === undefined) throw new Error("the fixture's fleet has no executables");
  const digest = file.digest ?? sha256(file.id);
  return {
    id: `req_${at}`,
    at: fixtureNow - 300_000 * (at + 1),
    device: file.device,
    deviceName: file.deviceName,
    code: digest.slice(0, 6),
    digest,
    path: file.path,
    root: file.root,
    uid: 1000,
    user: at === 1 ? "<b>hana</b>" : "hana",
    reason: at === 2 ? "because \u202esafe " + "very ".repeat(120) : "I built it this morning from our own branch.",
    times: at === 3 ? 4 : 1,
    ...(at === 5 ? {} : { executable: file.id, standing: file.standing, basis: file.basis, says: file.says }),
    ...(at === 6 ? { allowedAt: fixtureNow - 60_000 } : {}),
    ...(at === 4 ? { answer: answered(false, "Not ours: \u202e ask <b>purchasing</b>.") } : {}),
    ...(at === 6 ? { answer: answered(true, "Her own build.") } : {}),
  };
}

const answered = (approved: boolean, reason: string): NonNullable<RequestRow["answer"]> => ({
  approved,
  by: "owner",
  at: fixtureNow - 90_000,
  reason,
  scope: "device",
  commands: approved ? ["cmd_1f2e3d4c5b6a798081920a0b"] : [],
});

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
