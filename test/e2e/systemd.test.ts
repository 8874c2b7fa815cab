/**
 * Both packages under a real systemd, in an image and namespaces of the test: installed, a device added with the pasted line, upgraded
 * and back, a version that does not start, a daemon that hangs, and out again with the owner's code. systemd-machine.sh is what happens.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cannotMakeRoot } from "../support/debian-root.ts";
import { buildPackages, fileOf, sensorMissing, withOtherPrograms } from "../support/packages.ts";
import { cannotStartSystemd, runUnderSystemd } from "../support/systemd-machine.ts";

const why = cannotMakeRoot() ?? sensorMissing() ?? cannotStartSystemd(tmpdir());
if (why !== undefined) process.stderr.write(`systemd.test.ts is skipped: ${why}\n`);

describe.skipIf(why !== undefined)("packages under systemd", () => {
  const scratch = mkdtempSync(join(tmpdir(), "provost-systemd-"));
  let said: ReadonlyMap<string, string>;
  const value = (name: string): string => said.get(name) ?? "nothing was said of it";

  beforeAll(async () => {
    const [old, next] = [join(scratch, "old"), join(scratch, "next")];
    buildPackages("0.1.0", old, ["--only", "agent", "--only", "server", "--format", "deb"]);
    buildPackages("0.1.1", next, ["--only", "agent", "--format", "deb"]);
    const agent = fileOf(old, /^provost_.*\.deb$/);
    const altered = join(scratch, "next.deb");
    withOtherPrograms(fileOf(next, /^provost_.*\.deb$/), altered);
    const out = await runUnderSystemd({
      folder: scratch,
      script: join(import.meta.dirname, "systemd-machine.sh"),
      files: {
        "server.deb": fileOf(old, /^provost-server_.*\.deb$/),
        "old.deb": agent,
        "next.deb": altered,
        [`packages/${basename(agent)}`]: agent,
      },
      within: 540_000,
    });
    said = new Map(out.split("\n").map((line) => [line.split(" ", 1)[0] ?? "", line.slice(line.indexOf(" ") + 1)]));
    process.stderr.write(
      `      ${value("systemd")}; from the pasted line to the list ${value("on-screen").slice(2)} s\n`,
    );
  }, 900_000);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test("the server is installed with one command, and runs with the settings it is given", () => {
    expect(value("server-install")).toMatch(/^0 .*Sign in with the link that 'provost-server sign-in' prints/);
    expect(value("server-started")).toBe("0 active");
  });

  test("the pasted line installs, enrols and starts; the device is on screen within a minute", () => {
    expect(value("pasted")).toMatch(/^0 .*Enrolled as dev_\w+ at wss:\/\/localhost:4680\/agent/);
    const [found, seconds] = value("on-screen").split(" ");
    expect(found).toBe("0");
    expect(Number(seconds)).toBeLessThan(60);
    expect(value("agent")).toBe("active telling wss://localhost:4680/agent");
    expect(value("sensor")).toBe("active");
    expect(value("gate")).toMatch(/mode record +Sensor +connected/);
  });

  test("the same line a second time says that there is an agent already", () => {
    expect(value("pasted-again")).toMatch(/^[^0].*this device is enrolled already, as dev_\w+/);
    expect(value("pasted-again")).toMatch(/a second agent on one machine would end the first one's sessions/);
  });

  test("a token that was used is named within seconds, not after a minute's wait", () => {
    expect(value("used-token")).toMatch(
      /^[^0] .*ENROL_REFUSED: the enrolment token was used before +ask for a new one/,
    );
    expect(value("used-token-left")).toBe("");
  });

  test.each([
    ["LoadCredential=", "load"],
    ["SetCredential=", "set"],
  ])("a token by %s enrols, and stands in no arguments and no environment meanwhile", (_line, name) => {
    expect(value(`${name}-enrolled`)).toBe("0 active");
    expect(Number(value(`${name}-looks`))).toBeGreaterThan(5);
    expect(value(`${name}-shown`)).toBe("");
    // Used up and still given, it is in nobody's way.
    expect(value(`${name}-again`)).toBe("active 1 0");
  });

  test("the units are as narrow as they are said to be", () => {
    expect(Number(value("security-provost-agent"))).toBeLessThanOrEqual(4);
    expect(Number(value("security-provost-server"))).toBeLessThanOrEqual(2);
    expect(Number(value("security-provost-sensor"))).toBeLessThanOrEqual(6.5);
    expect(value("agent-watchdog")).toBe("3min");
  });

  test("an upgrade replaces sensor and agent, an older version is refused unless asked for", () => {
    expect(value("upgrade")).toMatch(/^0 /);
    expect(value("upgraded")).toBe("0.1.1 active active");
    expect(value("sensor-replaced")).toBe("0");
    expect(value("refused-back")).toMatch(/^1 .*an older version may not read what the newer one wrote/);
    expect(value("back")).toBe("0 0.1.0 active");
  });

  test("a version that does not start twice gives way to the one before it, and the next upgrade tries anew", () => {
    expect(value("rolled-back")).toBe("0 /usr/lib/provost.before/node");
    expect(value("rolled-back-says")).toMatch(
      /version 0\.1\.1 did not start twice; the version before it \(0\.1\.0\) runs/,
    );
    expect(value("repaired")).toBe("0 /usr/lib/provost/node");
  });

  test("an agent that hangs is started anew; one that works is left alone", () => {
    expect(value("beats")).toBe("0");
    expect(value("watchdog")).toBe("0 1");
  });

  test("where the owner set a code, purging asks for it, and takes it also when the server is gone for good", () => {
    expect(value("control")).toBe("0");
    for (const name of ["purge-without", "purge-wrong"])
      expect(value(name)).toMatch(/^1 .*removing it needs the owner's code in PROVOST_STOP_CODE/);
    expect(value("still")).toBe("active active");
    expect(value("purge")).toMatch(/^0 .*The agent stops, and the gate is open/);
    expect(value("purge-server")).toMatch(/^0 /);
  });

  test("nothing is left: no file, no user, no unit", () => {
    expect([value("left"), value("users"), value("units"), value("failed")]).toEqual(["", "", "", ""]);
  });
});
