import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
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

/**
 * Where the core's programs lie, or would: an upgrade may bring one while the agent is away. Without the package managers, which are told
 * apart.
 */
export function corePlaces(more: readonly string[], sensorProgram: string | undefined): readonly string[] {
  const managers = packageManagers();
  const places = [...corePaths, ...more, sensorProgram ?? ""].flatMap(
    (path) => present([path])[0] ?? absent(path) ?? [],
  );
  return [...new Set(places)].filter((path) => !managers.includes(path));
}

/** Those that write a package's files themselves, without another program in between. */
export const packageManagers = (): readonly string[] =>
  present(["/usr/bin/dpkg", "/usr/bin/rpm", "/usr/bin/dnf5", "/usr/bin/microdnf", "/usr/bin/pacman", "/sbin/apk"]);

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

/** Under its folder's real name. Undefined: not even that is there. */
function absent(path: string): string | undefined {
  const [folder] = path === "" ? [] : present([dirname(path)]);
  return folder === undefined ? undefined : join(folder, basename(path));
}
