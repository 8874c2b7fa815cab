import { existsSync, realpathSync } from "node:fs";
import { corePaths } from "@provost/shared/policy/core.ts";

const interpreters = [
  ["/bin/sh", "/bin/bash", "/bin/dash", "/usr/bin/zsh", "/usr/bin/ksh", "/usr/bin/fish", "/bin/busybox"],
  [
    "/usr/bin/python3",
    "/usr/bin/python",
    "/usr/bin/perl",
    "/usr/bin/ruby",
    "/usr/bin/node",
    "/usr/bin/php",
    "/usr/bin/lua",
  ],
  ["/usr/bin/awk", "/usr/bin/gawk", "/usr/bin/mawk", "/usr/bin/tclsh", "/usr/bin/expect"],
].flat();

/** Those that are here, by the file their links lead to, each once. `more`: the policy's own. */
export const corePrograms = (more: readonly string[], sensorProgram: string | undefined): readonly string[] =>
  present([...corePaths, ...more, sensorProgram ?? ""]);

export const interpreterPrograms = (): readonly string[] => present(interpreters);

function present(paths: readonly string[]): readonly string[] {
  const found = paths.flatMap((path) => {
    try {
      return path !== "" && existsSync(path) ? [realpathSync(path)] : [];
    } catch {
      return [];
    }
  });
  return [...new Set(found)];
}
