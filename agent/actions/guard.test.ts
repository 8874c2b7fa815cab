import { expect, test } from "vitest";
import type { ActionOrder, Command } from "@provost/shared/model/command.ts";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import { guardRefuses } from "./guard.ts";
import type { GuardFacts } from "./guard.ts";

const digest = (letter: string): Sha256 => letter.repeat(64) as Sha256;
const programs: Readonly<Record<number, string>> = {
  500: "/usr/sbin/sshd",
  600: "/usr/bin/dpkg",
  700: "/tmp/evil",
  800: "/bin/bash",
};
const facts: GuardFacts = {
  agent: 100,
  sensor: 101,
  ancestors: [90, 1],
  isOperators: (pid) => pid === 800,
  program: (pid) => programs[pid],
  isVital: (program) => program === "/usr/sbin/sshd",
  isPackageManager: (program) => program === "/usr/bin/dpkg",
  isVitalDigest: (sha256) => sha256 === digest("a"),
  isVouchedFor: (sha256) => (sha256 === digest("b") ? "the origin of /usr/bin/tool" : undefined),
};
const ordered = (order: ActionOrder, confirmed?: boolean): Command => ({
  id: "cmd_1",
  device: "dev_x" as DeviceId,
  order,
  reason: "",
  by: "ada",
  issuedAt: 0,
  expires: 1,
  nonce: "n",
  ...(confirmed === undefined ? {} : { confirmed }),
});
const kill = (pid: number): ActionOrder => ({
  action: "kill-process-tree",
  process: { pid, startedAt: "1" },
  executable: "/tmp/evil",
});

test.each<[string, number, RegExp]>([
  ["the first process", 1, /process 1/],
  ["the agent", 100, /agent and sensor/],
  ["the sensor", 101, /agent and sensor/],
  ["who is above the agent", 90, /below this process/],
  ["what the device is reached by", 500, /reach and repair/],
  ["a package manager at work", 600, /half-installed/],
  ["the session of a person at work", 800, /a person works/],
  ["anything else", 700, /it may be done/],
  ["what has ended", 4000, /it may be done/],
])("killing %s, confirmed or not", (_what, pid, why) => {
  for (const confirmed of [undefined, true]) {
    const refusal = guardRefuses(ordered(kill(pid), confirmed), facts);
    expect(refusal ?? "it may be done").toMatch(why);
  }
});

test.each(["block-digest", "quarantine-file"] as const)(
  "%s never of what the device is repaired with; of vouched bytes once a person confirmed",
  (action) => {
    const of = (sha256: Sha256): ActionOrder =>
      action === "block-digest" ? { action, sha256 } : { action, sha256, root: "", path: "/x" };
    expect(guardRefuses(ordered(of(digest("a")), true), facts)).toMatch(/cannot be reached or repaired/);
    expect(guardRefuses(ordered(of(digest("b"))), facts)).toMatch(/vouches for these bytes; a person has to confirm/);
    expect(guardRefuses(ordered(of(digest("b")), true), facts)).toBeUndefined();
    expect(guardRefuses(ordered(of(digest("c"))), facts)).toBeUndefined();
  },
);

test("what stops nothing is not refused", () => {
  expect(guardRefuses(ordered({ action: "undo", command: "cmd_0" }), facts)).toBeUndefined();
  expect(guardRefuses(ordered({ action: "isolate-host", except: [] }), facts)).toBeUndefined();
  expect(
    guardRefuses(ordered({ action: "allow-digest", sha256: digest("a"), code: "abcdef", expires: 1 }), facts),
  ).toBeUndefined();
});
