import { expect, test } from "vitest";
import type { GateStatus } from "./control-words.ts";
import { findings, type Kernel } from "./diagnosis.ts";

const kernel: Kernel = {
  release: "6.18",
  btf: true,
  tracefs: true,
  bpffs: true,
  cgroup2: true,
  lsm: ["lockdown", "bpf"],
  root: true,
  capabilities: "1ffffffffff",
  sensorProgram: "/usr/lib/provost/provost-sensor",
};
const status: GateStatus = {
  mode: "block",
  tier: "A",
  policy: 4,
  sensor: "connected",
  parts: ["asks before a program starts"],
  missing: [],
  counters: { lost: 0, late: 0 },
};

test("nothing is said where nothing is wrong", () => {
  expect(findings(kernel, status)).toEqual([]);
});

test.each([
  ["lsm/bprm_check_security: Operation not permitted", /lsm=\.\.\.,bpf/],
  ["no BTF: /sys/kernel/btf/vmlinux is not there", /CONFIG_DEBUG_INFO_BTF/],
  ["bpffs is not mounted at /sys/fs/bpf", /mount -t bpf/],
  ["exec: Operation not permitted", /CAP_BPF/],
  ["capability CAP_SYS_ADMIN is missing: nothing is held before it starts", /systemctl revert provost-sensor/],
  ["guard_exec: Operation not permitted; an exec is ended by a signal, not refused", /lsm=\.\.\.,bpf/],
])("%s comes with what to do", (missing, todo) => {
  expect(findings(kernel, { ...status, missing: [missing] })).toMatchObject([
    { severity: "note", says: missing, todo: expect.stringMatching(todo) as unknown },
  ]);
});

test("what this kernel does not have comes without advice", () => {
  const says = "on_module: this kernel has no such tracepoint; kernel modules that are loaded are not told";
  expect(findings(kernel, { ...status, missing: [says] })).toEqual([{ severity: "note", says }]);
});

test("a sensor that does not answer, and a policy that is not read, are faults", () => {
  const found = findings(kernel, { ...status, sensor: "missing", policyFault: "it is empty" });
  expect(found.map(({ severity }) => severity)).toEqual(["fault", "fault"]);
});

test("without an agent the machine itself is looked at, each lack with a remedy", () => {
  const bare = { ...kernel, btf: false, bpffs: false, tracefs: false, cgroup2: false, lsm: [], sensorProgram: null };
  const found = findings(bare, undefined);
  expect(found).toHaveLength(6);
  expect(found.filter(({ todo }) => todo === undefined || todo === "")).toEqual([]);
});
