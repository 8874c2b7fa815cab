import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { top } from "../laws/repository.ts";
import { sensorProgram } from "../support/gate-sensor.ts";

const native = join(top, "agent/sensors/linux/native");

/** A program that `make kernel-tests` has built. */
export const tool = (name: string): string => join(native, "build", name);

/** Why the tests of the checks cannot be built here; undefined where they can. */
export const cannotCheck = (): string | undefined =>
  sensorProgram() === undefined || !existsSync(tool("kernel.o"))
    ? "the sensor was not built here: npm run sensor"
    : undefined;

export function buildTools(): void {
  execFileSync("make", ["-s", "-C", native, "kernel-tests", "all"], { stdio: ["ignore", "inherit", "inherit"] });
}

/** The lines of kernel_test that tell of a failure, and its last. */
export function outcome(lines: readonly string[]): { readonly failed: readonly string[]; readonly last: string } {
  const said = lines.filter((line) => line !== "");
  return { failed: said.filter((line) => line.startsWith("FAILED")), last: said.at(-1) ?? "nothing" };
}
