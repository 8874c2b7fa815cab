import type { Command } from "@provost/shared/model/command.ts";

/** What a device knows that decides whether an order is carried out, whatever the server says. */
export interface GuardFacts {
  readonly agent: number;
  readonly sensor: number | undefined;
  /** From the agent up to the first process. */
  readonly ancestors: readonly number[];
  /** A person works here with Provost's command line, below this process. */
  isOperators(pid: number): boolean;
  /** A process without a program of its own lives in the kernel. */
  program(pid: number): string | undefined;
  /** Programs without which a device neither boots nor is reached nor repaired, by path; shells are not among them. */
  isVital(program: string): boolean;
  isPackageManager(program: string): boolean;
  /** These bytes belong to such a program. */
  isVitalDigest(sha256: string): boolean;
  /** Something vouches for these bytes: a signed archive, a proven build. */
  isVouchedFor(sha256: string): string | undefined;
}

/** Why it is not done; undefined: it may be done. Pure. */
export function guardRefuses({ order, confirmed }: Command, facts: GuardFacts): string | undefined {
  switch (order.action) {
    case "kill-process-tree":
      return processRefusal(order.process.pid, facts);
    case "quarantine-file":
    case "block-digest":
      if (facts.isVitalDigest(order.sha256))
        return "these bytes belong to a program without which this device cannot be reached or repaired";
      if (confirmed === true) return undefined;
      return voucher(facts.isVouchedFor(order.sha256));
    default:
      return undefined;
  }
}

const voucher = (by: string | undefined): string | undefined =>
  by === undefined ? undefined : `${by} vouches for these bytes; a person has to confirm that they are to be stopped`;

function processRefusal(pid: number, facts: GuardFacts): string | undefined {
  if (pid === 1) return "process 1 is never killed";
  if (pid === facts.agent || pid === facts.sensor) return "agent and sensor are never killed by an order";
  if (facts.ancestors.includes(pid)) return "the agent itself runs below this process";
  if (facts.isOperators(pid)) return "a person works at this device with provost, below this process";
  const program = facts.program(pid);
  // It has ended, or lives in the kernel; the step itself tells which.
  if (program === undefined) return undefined;
  if (facts.isVital(program)) return `${program} is needed to reach and repair this device`;
  if (facts.isPackageManager(program))
    return `${program} is a package manager at work; a half-installed package is worse`;
  return undefined;
}
