import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { top } from "./repository.ts";

const native = join(top, "agent/sensors/linux/native");
const golden = join(top, "agent/sensors/linux/golden");
const withCompiler = spawnSync("cc", ["--version"]).status === 0;

test.skipIf(!withCompiler)("golden/ holds the bytes that record.h describes today (else: make golden)", () => {
  const folder = mkdtempSync(join(tmpdir(), "provost-golden-"));
  try {
    const program = join(folder, "golden");
    run("cc", ["-std=c11", "-Wall", "-Wextra", "-Werror", join(native, "test/golden.c"), "-o", program]);
    run(program, [folder]);
    rmSync(program);
    expect(readdirSync(folder).toSorted()).toEqual(readdirSync(golden).toSorted());
    for (const name of readdirSync(golden))
      expect(`${name} ${readFileSync(join(golden, name)).toString("hex")}`).toBe(
        `${name} ${readFileSync(join(folder, name)).toString("hex")}`,
      );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function run(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  expect(`${program} ended with ${status}: ${stderr}`).toBe(`${program} ended with 0: `);
}
