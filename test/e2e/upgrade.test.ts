/**
 * The agent's package is upgraded and set back on a machine where every program is under the gate in mode *block*, under a real systemd in
 * an image and namespaces of the test. What nothing vouches for never runs meanwhile, and what is verified always does.
 * upgrade-machine.sh is what happens.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cannotMakeRoot } from "../support/debian-root.ts";
import { cannotGate } from "../support/gate-root.ts";
import { buildPackages, fileOf, sensorMissing, withOtherPrograms } from "../support/packages.ts";
import { cannotStartSystemd, runUnderSystemd } from "../support/systemd-machine.ts";

const why = cannotGate() ?? cannotMakeRoot() ?? sensorMissing() ?? cannotStartSystemd(tmpdir());
if (why !== undefined) process.stderr.write(`upgrade.test.ts is skipped: ${why}\n`);

const tiers = ["B", "C"] as const;

describe.skipIf(why !== undefined)("an upgrade under the gate", () => {
  const scratch = mkdtempSync(join(tmpdir(), "provost-upgrade-"));
  let said: ReadonlyMap<string, string>;
  const value = (name: string): string => said.get(name) ?? "nothing was said of it";

  beforeAll(async () => {
    const [old, next] = [join(scratch, "old"), join(scratch, "next")];
    for (const [version, out] of [
      ["0.1.0", old],
      ["0.1.1", next],
    ] as const)
      buildPackages(version, out, ["--only", "agent", "--format", "deb"]);
    const altered = join(scratch, "next.deb");
    withOtherPrograms(fileOf(next, /^provost_.*\.deb$/), altered);
    const out = await runUnderSystemd({
      folder: scratch,
      script: join(import.meta.dirname, "upgrade-machine.sh"),
      environment: { TIERS: tiers.join(" ") },
      files: { "old.deb": fileOf(old, /^provost_.*\.deb$/), "next.deb": altered },
      calls: ["bpf", "fanotify_init", "fanotify_mark", "perf_event_open", "open_by_handle_at", "name_to_handle_at"],
      within: 400_000,
    });
    said = new Map(out.split("\n").map((line) => [line.split(" ", 1)[0] ?? "", line.slice(line.indexOf(" ") + 1)]));
    for (const tier of tiers)
      process.stderr.write(
        `      tier ${tier}: ${value(`${tier}-tried-meanwhile`)} tries while the package was upgraded\n`,
      );
  }, 900_000);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  describe.each(tiers)("tier %s", (tier) => {
    const of = (name: string): string => value(`${tier}-${name}`);

    test("the gate stops nothing before the first pass has ended, and then what nothing vouches for", () => {
      expect(of("install")).toBe("0");
      expect(of("gated")).toMatch(new RegExp(`^0 Tier ${tier}, mode block +Sensor +connected`));
      expect(of("refused")).toMatch(tier === "B" ? /^(?:126|137)$/ : /^126$/);
    });

    test("the newer version's programs are judged before the older ones end, and start", () => {
      expect(of("upgrade")).toMatch(/^0 /);
      expect(of("upgraded")).toBe("0 0.1.1 active active");
      expect(of("agent-replaced")).toBe("0");
      expect(of("back")).toMatch(/^0 0\.1\.0 active /);
    });

    test("the sensor is replaced only where that leaves no gap, and goes on where its program is the same", () => {
      expect(of("sensor-replaced")).toBe(tier === "B" ? "0" : "1");
      expect(/the sensor that runs goes on, because on this kernel the gate would/.test(of("upgrade"))).toBe(
        tier === "C",
      );
      expect(of("sensor-goes-on")).toBe("0");
    });

    test("all the while nothing unverified ran, and nothing verified was refused", () => {
      expect(Number(of("tried-meanwhile"))).toBeGreaterThan(20);
      expect(of("ran-fresh-refused")).toBe("0 0 0");
      expect(of("still-refused")).toMatch(/^(?:126|137)$/);
    });

    test("stopped in order, the gate is open and the package goes", () => {
      expect(of("stopped")).toMatch(/^0 .*the gate is open/);
      expect(of("open")).toBe("0");
      expect(of("purge")).toMatch(/^0 /);
    });
  });
});
