import type { GateStatus } from "./control-words.ts";

/** What a sensor needs from the kernel, as far as a user can see it. */
export interface Kernel {
  readonly release: string;
  readonly btf: boolean;
  readonly tracefs: boolean;
  readonly bpffs: boolean;
  readonly cgroup2: boolean;
  readonly lsm: readonly string[];
  readonly root: boolean;
  /** The effective capabilities, in hexadecimal. */
  readonly capabilities: string;
  readonly sensorProgram: string | null;
}

export interface Finding {
  /** `fault`: something that should work does not. `note`: something that this machine does not offer. */
  readonly severity: "fault" | "note";
  readonly says: string;
  readonly todo?: string;
}

/** What is missing on this machine, what each missing part means, and what to do. Pure. */
export function findings(kernel: Kernel, status: GateStatus | undefined): readonly Finding[] {
  return [
    ...connection(kernel, status),
    ...(status === undefined ? [] : reported(status)),
    ...missingIn(kernel, status),
  ];
}

function connection(kernel: Kernel, status: GateStatus | undefined): readonly Finding[] {
  if (status === undefined)
    return [
      {
        severity: "note",
        says: "No agent with a gate answers: what runs is seen in /proc, and nothing is stopped.",
        todo:
          kernel.sensorProgram === null
            ? "Build the sensor (npm run sensor) or install the package, then start the agent as root or with its units."
            : "Start the agent, or name its folder with --state.",
      },
    ];
  if (status.sensor === "connected") return [];
  return [
    {
      severity: "fault",
      says: `The sensor is ${status.sensor}: what the policy says about a missing sensor holds.`,
      todo: "See whether provost-sensor runs, and what it wrote to the journal.",
    },
  ];
}

function reported(status: GateStatus): readonly Finding[] {
  const found: Finding[] = [];
  if (status.policyFault !== undefined)
    found.push({
      severity: "fault",
      says: `The policy: ${status.policyFault}.`,
      todo: "Try it with: provost policy check",
    });
  const lost = status.counters["lost"] ?? 0;
  if (lost > 0)
    found.push({
      severity: "note",
      says: `${lost} events were lost since the sensor started; each loss was told as an alarm.`,
    });
  const late = status.counters["late"] ?? 0;
  if (late > 0)
    found.push({
      severity: "note",
      says: `${late} files were not judged in time; what happened then is the policy's gate.when.late.`,
      todo: "A larger gate.deadlineMs gives the agent more time.",
    });
  return [...found, ...status.missing.map((says): Finding => ({ severity: "note", says, ...remedy(says) }))];
}

/** What helps against the usual refusals, by what the sensor says of a part. */
function remedy(missing: string): { readonly todo?: string } {
  const found = remedies.find(([pattern]) => pattern.test(missing));
  return found === undefined || found[1] === "" ? {} : { todo: found[1] };
}

const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /^capability /,
    "Give it to the sensor: provost-sensor.service as the package has it (systemctl revert provost-sensor), or start it as root; in a container the host has to allow it.",
  ],
  // Another kernel would have it; nothing that can be set on this one.
  [/no such tracepoint/i, ""],
  [/\bBTF\b|vmlinux/i, "The kernel needs CONFIG_DEBUG_INFO_BTF=y; distributions' own kernels have it."],
  [/bpffs|\bpin/i, "Mount it: mount -t bpf bpf /sys/fs/bpf (systemd does so by itself)."],
  [
    /\blsm|bprm|mmap_file|file_open|guard_|not refused/i,
    "Boot with lsm=...,bpf (CONFIG_BPF_LSM=y): then the kernel itself refuses, tier A.",
  ],
  [/tracefs|raw_tp|tp_btf|tracepoint/i, "Mount it: mount -t tracefs tracefs /sys/kernel/tracing."],
  [/memlock|RESOURCE/i, "The sensor needs CAP_SYS_RESOURCE, or LimitMEMLOCK=infinity in its unit."],
  [
    /not permitted|EPERM/i,
    "The sensor needs root, or CAP_SYS_ADMIN, CAP_BPF and CAP_PERFMON; in a container the host has to allow it.",
  ],
  [/cgroup/i, "Mount the unified hierarchy: mount -t cgroup2 none /sys/fs/cgroup."],
];

/** Only where nobody has tried: a sensor that runs knows better than what can be seen from outside. */
function missingIn(kernel: Kernel, status: GateStatus | undefined): readonly Finding[] {
  if (status?.sensor === "connected") return [];
  const note = (isThere: boolean, says: string, todo: string): readonly Finding[] =>
    isThere ? [] : [{ severity: "note", says, todo }];
  return [
    ...note(
      kernel.btf,
      "The kernel tells no types (BTF): a sensor would work with fanotify alone (tier C).",
      remedyFor("BTF"),
    ),
    ...note(kernel.bpffs, "No bpffs is mounted: enforcement would end with the sensor.", remedyFor("bpffs")),
    ...note(kernel.tracefs, "tracefs is not mounted here.", remedyFor("tracefs")),
    ...note(
      kernel.cgroup2,
      "There is no unified cgroup hierarchy: processes could not be told apart by service.",
      remedyFor("cgroup"),
    ),
    ...note(
      kernel.lsm.includes("bpf"),
      "The kernel was not booted with the BPF security module: tier A is not possible.",
      remedyFor("lsm"),
    ),
  ];
}

const remedyFor = (what: string): string => remedies.find(([pattern]) => pattern.test(what))?.[1] ?? "";
