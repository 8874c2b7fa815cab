import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { holdState } from "./one-daemon.ts";

test("a second daemon with the same state is refused; one whose predecessor was killed is not", () => {
  const folder = mkdtempSync(join(tmpdir(), "provost-one-"));
  const other = (code: string) =>
    spawnSync(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        "--input-type=module",
        "-e",
        `import { holdState } from ${JSON.stringify(join(import.meta.dirname, "one-daemon.ts"))}; const held = holdState(${JSON.stringify(folder)}); ${code}`,
      ],
      { encoding: "utf8" },
    );
  try {
    // It ends without giving anything back.
    expect(other("process.kill(process.pid, 'SIGKILL')").signal).toBe("SIGKILL");
    const held = holdState(folder);
    expect(() => holdState(folder)).toThrow(/^another agent runs with the state in /);
    expect(other("").stderr).toMatch(/another agent runs with the state in/);
    held.close();
    expect(other("held.close(); console.log('held')").stdout).toBe("held\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
