/**
 * Both packages under a real systemd, in a virtual machine with Debian's own kernel: installed, a device added with the pasted line,
 * upgraded and back, a version that does not start, a daemon that hangs, and out again. systemd-machine.sh is what happens there.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootKernel } from "../kernels/boot.ts";
import { cannotBoot } from "../kernels/debian-kernel.ts";
import { cannotMakeRoot } from "../support/debian-root.ts";
import { buildPackages, fileOf, sensorMissing } from "../support/packages.ts";
import { makeSystemdImage } from "../support/systemd-image.ts";

const why = cannotMakeRoot() ?? sensorMissing() ?? cannotBoot();
if (why !== undefined) process.stderr.write(`systemd.test.ts is skipped: ${why}\n`);

describe.skipIf(why !== undefined)("packages under systemd", () => {
  const scratch = mkdtempSync(join(tmpdir(), "provost-systemd-"));
  let said: ReadonlyMap<string, string>;
  const value = (name: string): string => said.get(name) ?? "nothing was said of it";

  beforeAll(async () => {
    const old = join(scratch, "old");
    const next = join(scratch, "next");
    buildPackages("0.1.0", old, ["--only", "agent", "--only", "server", "--format", "deb"]);
    buildPackages("0.1.1", next, ["--only", "agent", "--format", "deb"]);
    const agent = fileOf(old, /^provost_.*\.deb$/);
    const disk = await makeSystemdImage(scratch, {
      script: join(import.meta.dirname, "systemd-machine.sh"),
      files: {
        "server.deb": fileOf(old, /^provost-server_.*\.deb$/),
        "old.deb": agent,
        "next.deb": fileOf(next, /^provost_.*\.deb$/),
        [`packages/${agent.split("/").at(-1) ?? ""}`]: agent,
      },
    });
    const { lines, seconds } = await bootKernel({ version: "6.1", files: {}, script: "", disk, within: 540 });
    said = new Map(lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]));
    process.stderr.write(`      ${value("systemd")}, ${seconds.toFixed(0)} s in the machine\n`);
    if (process.env["PROVOST_SHOW_MACHINE"] !== undefined) process.stderr.write(`${lines.join("\n")}\n`);
  }, 900_000);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test("the server is installed with one command and runs under its unit", () => {
    expect(value("server-install")).toMatch(/^0 /);
    expect(value("server-started")).toBe("0 active");
  });
});
