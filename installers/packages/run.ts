import { spawnSync } from "node:child_process";
import type { SpawnSyncOptions } from "node:child_process";

/** Runs one program to its end; what it printed. Throws with the program's own words. */
export function run(program: string, args: readonly string[], options: SpawnSyncOptions = {}): string {
  const done = spawnSync(program, [...args], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024, ...options });
  if (done.error !== undefined)
    throw new Error(`${program} cannot be started: ${done.error.message}. ${wherefrom[program] ?? ""}`.trim());
  if (done.status !== 0)
    throw new Error(
      `${program} failed (${done.signal ?? `exit code ${done.status}`}): ${String(done.stderr).trim().slice(-2000)}`,
    );
  return String(done.stdout);
}

export const isThere = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

const wherefrom: Readonly<Record<string, string>> = {
  "dpkg-deb": "It comes with Debian's package dpkg.",
  rpmbuild: "It comes with Debian's package rpm.",
  strip: "It comes with Debian's package binutils.",
  xz: "It comes with Debian's package xz-utils.",
};
