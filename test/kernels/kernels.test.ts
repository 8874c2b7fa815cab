import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { bootKernel, programFiles } from "./boot.ts";
import { cannotBoot, debianKernel, kernelVersions } from "./debian-kernel.ts";
import { buildTools, cannotCheck, outcome, tool } from "./tools.ts";

// Emulated, so one of them takes some minutes: the older one, whose change times are coarse. The other where it is asked for.
const versions = process.env.PROVOST_KERNELS === "all" ? kernelVersions : kernelVersions.slice(0, 1);
const minutes = (count: number): number => count * 60_000;

const cannot = cannotCheck() ?? cannotBoot() ?? (await versionsMissing());
if (cannot !== undefined) process.stderr.write(`skipped: the sensor on Debian's kernels: ${cannot}\n`);

describe.skipIf(cannot !== undefined).each(versions)("the sensor on Debian's kernel %s, tier A", (version) => {
  beforeAll(buildTools);

  test(
    "the checks refuse what has no answer, and stay where the sensor has gone",
    async () => {
      const script = [
        "truncate -s 64M /tmp/image && mke2fs -F /tmp/image > /dev/null 2>&1 && mkdir -p /mnt/t",
        "mount -o loop -t ext4 /tmp/image /mnt/t && mkdir -p /mnt/t/d && cp /hello /mnt/t/d/hello",
        "mkdir /sys/fs/cgroup/test",
        "kernel_test /mnt/t/d /sys/fs/cgroup/test /sys/fs/bpf/provost slow 2>&1",
      ].join("\n");
      const files = {
        ...(await programFiles(tool("kernel_test"), "/bin/kernel_test")),
        "/hello": { from: tool("hello") },
      };
      const { lines } = await bootKernel({ version, files, script, within: 900 });
      expect(lines[0]).toMatch(/^tier 3 /);
      const { failed, last } = outcome(lines);
      expect(failed).toEqual([]);
      expect(last).toMatch(/^done \d+$/);
    },
    minutes(16),
  );

  test(
    "the whole sensor blocks, wins its races and guards itself and the agent",
    async () => {
      const programs = [
        ["provost-sensor", "/usr/bin/provost-sensor"],
        ["sensor-client", "/usr/bin/sensor-client"],
        ["reach", "/usr/bin/reach"],
        ["race", "/usr/bin/race"],
        ["hello", "/payload/hello"],
        ["race-target", "/payload/race-target"],
      ] as const;
      const files = await Promise.all(programs.map(([name, at]) => programFiles(tool(name), at)));
      const { lines, console } = await bootKernel({
        version,
        files: Object.assign({}, ...files),
        script: `export PATH=/usr/bin:$PATH\n${readFileSync(join(import.meta.dirname, "tier-a.sh"), "utf8")}`,
        within: 900,
      });
      const checks = lines.filter((line) => line.startsWith("check "));
      const wrong = checks.filter((line) => !same(line));
      expect([wrong, wrong.length > 0 ? console : ""]).toEqual([[], ""]);
      // One that ended early would have nothing wrong either.
      expect(checks.at(-1)).toContain("without its pins the kernel refuses nothing");
      const records = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Told);
      expect(records.find(({ type }) => type === "hello")).toMatchObject({ tier: 3 });
      const races = records.filter(({ how }) => how !== undefined);
      expect(races.map(({ how, tampered }) => [how, tampered])).toEqual(
        ["write", "map", "keep", "hold", "truncate", "replace"].map((how) => [how, 0]),
      );
      // Signal, trace, write, unlink, mount and bpf: enum pv_tamper_what.
      const told = new Set(records.filter(({ type }) => type === "tamper").map(({ what }) => what));
      expect([...told].toSorted((one = 0, other = 0) => one - other)).toEqual([1, 2, 3, 4, 5, 6]);
    },
    minutes(16),
  );
});

interface Told {
  readonly type?: string;
  readonly how?: string;
  readonly tampered?: number;
  readonly what?: number;
}

/** "check NAME: wanted got", where both are as many words. */
function same(line: string): boolean {
  const words = line.slice(line.indexOf(": ") + 2).split(" ");
  return words.slice(0, words.length / 2).join(" ") === words.slice(words.length / 2).join(" ");
}

async function versionsMissing(): Promise<string | undefined> {
  try {
    for (const version of versions) await debianKernel(version);
    return undefined;
  } catch (cause) {
    return `a kernel cannot be had: ${cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause)}`;
  }
}
