/** What this machine does not let the sensor do, provoked for real: which tier is left, how `provost doctor` names it, and what to do. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { GatedAgent } from "../support/gated-agent.ts";
import { installPrograms, startGatedAgent } from "../support/gated-agent.ts";
import type { GateRoot } from "../support/gate-root.ts";
import { cannotGate, makeGateRoot } from "../support/gate-root.ts";
import type { Sensor } from "../support/gate-sensor.ts";
import { cannotSense, endChild, startSensor } from "../support/gate-sensor.ts";

const why = cannotGate() ?? cannotSense();
if (why !== undefined) process.stderr.write(`doctor.test.ts is skipped: ${why}\n`);
const top = join(import.meta.dirname, "../..");
const without = (...names: readonly string[]): readonly string[] => [
  "setpriv",
  `--bounding-set=${names.map((name) => `-${name}`).join(",")}`,
];

describe.skipIf(why !== undefined)("provost doctor", () => {
  let root: GateRoot | undefined;
  let sensor: Sensor | undefined;
  let agent: GatedAgent | undefined;
  afterEach(async () => {
    await agent?.stop();
    if (sensor !== undefined) await endChild(sensor.child);
    root?.remove();
    [agent, sensor, root] = [undefined, undefined, undefined];
  });

  const asked = async (through: readonly string[]): Promise<{ readonly code: number; readonly out: string }> => {
    root = makeGateRoot(tmpdir(), 100);
    installPrograms(root, [["/bin/dash", "/usr/bin/sh"]]);
    sensor = await startSensor(root, { tier: "B", through });
    agent = startGatedAgent(root, sensor.socket, { mode: "block" });
    await agent.heard(({ kind }) => kind === "scanned" || kind === "failed");
    const command = [join(top, "agent/provost.ts"), "doctor", "--state", agent.folder];
    const env = { ...process.env, PROVOST_CONTROL: agent.control, PROVOST_CONFIG: "/dev/null" };
    return new Promise((resolve) => {
      execFile(process.execPath, ["--disable-warning=ExperimentalWarning", ...command], { env }, (error, out) =>
        resolve({ code: typeof error?.code === "number" ? error.code : 0, out }),
      );
    });
  };

  test("finds nothing missing where nothing is", async () => {
    const { code, out } = await asked([]);
    expect([code, out]).toEqual([0, expect.stringMatching(/^Tier B, mode block\n/)]);
    expect(out).not.toMatch(/capability|BTF/);
  });

  test.each([
    [["sys_admin"], "P", "CAP_SYS_ADMIN is missing: nothing is held before it starts"],
    [["sys_admin", "bpf"], "P", "CAP_BPF is missing: the kernel checks nothing by itself"],
    [["sys_admin", "perfmon"], "P", "CAP_PERFMON is missing: the kernel checks nothing by itself"],
    [["sys_ptrace"], "B", "CAP_SYS_PTRACE is missing: other users' processes cannot be looked at"],
    [["dac_read_search", "dac_override"], "B", "CAP_DAC_READ_SEARCH is missing: files that only their owners may read"],
    [["lease"], "B", "CAP_LEASE is missing: writers of other users' files cannot be shut out"],
  ])("names the capability where %s is taken away: tier %s", async (names, tier, says) => {
    const { code, out } = await asked(without(...names));
    expect(out).toMatch(new RegExp(`^Tier ${tier}, mode block\n`));
    expect(out).toContain(`Note     capability ${says}`);
    expect(out).toMatch(
      /capability CAP_[^\n]*\n +Give it to the sensor: provost-sensor\.service as the package has it/,
    );
    expect(code).toBe(0);
  });

  test("names missing kernel types (BTF), and what kernel has them: tier C", async () => {
    const hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh"];
    const { out } = await asked(hidden);
    expect(out).toMatch(/^Tier C, mode block\n/);
    expect(out).toMatch(
      /Note +kernel checks: the kernel does not describe its types \(\/sys\/kernel\/btf\/vmlinux is missing\)[^\n]*\n +The kernel needs CONFIG_DEBUG_INFO_BTF=y; distributions' own kernels have it\./,
    );
  });
});

test("the unit gives the sensor every capability that it names as missing otherwise", () => {
  const source = readFileSync(join(top, "agent/sensors/linux/native/capabilities.c"), "utf8");
  const unit = readFileSync(join(top, "installers/linux/systemd/provost-sensor.service"), "utf8");
  const named = [...source.matchAll(/"(CAP_\w+)"/g)].map(([, name = ""]) => name);
  const given = /^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(" ") ?? [];
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !given.includes(name))).toEqual([]);
});
