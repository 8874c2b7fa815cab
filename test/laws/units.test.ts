import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

/** What systemd itself says of our units, without one running: systemd-analyze reads them as files. */
const folder = join(import.meta.dirname, "../../installers/linux/systemd");
const units = readdirSync(folder);
const analyzer = spawnSync("systemd-analyze", ["--version"]).status === 0;
if (!analyzer) process.stderr.write("units.test.ts is skipped: systemd-analyze is not there\n");

describe.skipIf(!analyzer)("the units", () => {
  test.each([
    ["provost-agent.service", 4],
    ["provost-server.service", 4],
    ["provost-sensor.service", 7],
  ])("%s is exposed to at most %d of 10", (unit, most) => {
    const { stdout } = spawnSync(
      "systemd-analyze",
      ["security", "--offline=true", `--threshold=${most * 10}`, "--no-pager", join(folder, unit)],
      { encoding: "utf8" },
    );
    const [, level] = /Overall exposure level for \S+: ([0-9.]+)/.exec(stdout) ?? [];
    expect(Number(level)).toBeGreaterThan(0);
    expect(Number(level)).toBeLessThanOrEqual(most);
  });

  test.each(units)("%s is understood line by line", (unit) => {
    const { stderr } = spawnSync(
      "systemd-analyze",
      ["verify", "--man=no", "--recursive-errors=no", join(folder, unit)],
      { encoding: "utf8" },
    );
    // The programs it names are installed by the package, and not here.
    const complaints = stderr
      .split("\n")
      .filter((line) => line.includes(unit) && !/not executable|No such file or directory/.test(line));
    expect(complaints).toEqual([]);
  });
});

test("flags and memory settings of the agent are those that `npm start` gives it", () => {
  const start = readFileSync(join(folder, "../../source/agent-process.ts"), "utf8");
  const staged = readFileSync(join(folder, "../../packages/stage.ts"), "utf8");
  const unit = readFileSync(join(folder, "provost-agent.service"), "utf8");
  const flags = [...(/const agentFlags = \[([^\]]*)\]/.exec(start)?.[1] ?? "").matchAll(/"(--[^"]+)"/g)].map(
    ([, flag]) => flag,
  );
  expect(flags.length).toBeGreaterThan(3);
  expect(flags.filter((flag) => !staged.includes(flag ?? ""))).toEqual([]);
  const settings = [
    ...(/const agentEnvironment = \{([^}]*)\}/.exec(start)?.[1] ?? "").matchAll(/(\w+): "([^"]+)"/g),
  ].map(([, name, value]) => `${name}=${value}`);
  expect(settings.length).toBeGreaterThan(3);
  expect(settings.filter((pair) => !unit.includes(pair))).toEqual([]);
});
