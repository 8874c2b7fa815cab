import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { scenarioNames, tryScenario } from "./scenario.ts";

const missing = ["/sbin/mkfs.ext4", "/usr/bin/npm", "/usr/bin/gcc", "/usr/bin/dpkg-deb", "/usr/bin/setsid"].filter(
  (path) => !existsSync(path),
);
const cannot =
  process.getuid?.() !== 0
    ? "they need root"
    : process.platform !== "linux" || !existsSync("/sys/fs/cgroup")
      ? "they need Linux with control groups"
      : missing.length > 0
        ? `${missing.join(", ")} missing`
        : undefined;
if (cannot !== undefined) process.stderr.write(`the scenarios are left out: ${cannot}\n`);

describe.skipIf(cannot !== undefined)("incidents that happened, done again harmlessly", () => {
  test("six of them are there", () => {
    expect(scenarioNames()).toHaveLength(6);
  });

  test.for(scenarioNames())("%s is found, weighed and stopped as its page wants", { timeout: 300_000 }, (name) => {
    const { faults, got } = tryScenario(name);
    expect({ faults, got }).toMatchObject({ faults: [] });
  });
});
