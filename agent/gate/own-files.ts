import { existsSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { argv, execPath } from "node:process";
import type { AgentConfig } from "../config.ts";

/** Beside the daemon's bundle, as installers/source/programs.mjs names them. */
export const shortLived = ["scan.js", "look.js", "notify.js", "triage.js"] as const;

const startScript = "/usr/lib/provost/start";

/** The daemon and its short-lived processes, where they run from bundles. */
export const ownPrograms = (): readonly string[] => {
  const own = argv[1];
  if (own === undefined) return [execPath];
  const beside = shortLived.map((name) => `${dirname(own)}/${name}`);
  // What its unit starts, which starts the daemon: while no agent answers it has to start all the same.
  return [execPath, own, ...[...beside, startScript].filter(existsSync)];
};

/**
 * What only agent and sensor may change. The programs only where stopping needs the owner's code: else a package manager could not
 * replace them, and a replaced program is judged at its next start anyway.
 */
export const guarded = ({ folder, policy, sensorProgram, stopHash }: AgentConfig): readonly string[] =>
  [folder, policy, ...(stopHash === undefined ? [] : [sensorProgram, argv[1]])].flatMap((path) => {
    try {
      return path === undefined ? [] : [realpathSync(path)];
    } catch {
      return [];
    }
  });
