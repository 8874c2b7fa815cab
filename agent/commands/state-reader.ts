import { lstatSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { State } from "../state/state.ts";
import { openStateIfAny } from "../state/state.ts";
import { lacksPermission } from "./exit-codes.ts";

/** The agent's state as a verb finds it. `closed`: it is there, but not for this user or not in a form this program reads. */
export type Found =
  | { readonly kind: "open"; readonly state: State }
  | { readonly kind: "none" }
  | { readonly kind: "closed"; readonly error: AppError };

export function findState(folder: string): Found {
  try {
    lstatSync(join(folder, "agent.sqlite"));
  } catch (cause) {
    return isAbsent(cause) ? { kind: "none" } : { kind: "closed", error: unusable(folder, cause) };
  }
  const state = openStateIfAny(folder);
  if (state === undefined) return { kind: "closed", error: unusable(folder, undefined) };
  try {
    const version = Number(state.pragma("user_version", { simple: true }));
    state.prepare("SELECT count(*) FROM meta").get();
    if (version === readableFormat) return { kind: "open", state };
    state.close();
    return { kind: "closed", error: otherFormat(folder, version) };
  } catch (cause) {
    state.close();
    return { kind: "closed", error: unusable(folder, cause) };
  }
}

/** For verbs that have nothing to say without it. Throws NOT_FOUND, STATE_UNUSABLE or STATE_NEWER. */
export function needState(folder: string): State {
  const found = findState(folder);
  if (found.kind === "open") return found.state;
  if (found.kind === "closed") throw found.error;
  throw new AppError("NOT_FOUND", `the agent has not looked at this device yet: there is no state in ${folder}`, {
    remedy: "run: provost scan (or name the agent's folder with --state)",
  });
}

const readableFormat = 6;

const isAbsent = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR");

function unusable(folder: string, cause: unknown): AppError {
  const denied = cause === undefined || lacksPermission(cause);
  const why = denied ? "this user may not read it" : cause instanceof Error ? cause.message : "it cannot be opened";
  return new AppError("STATE_UNUSABLE", `the agent's state in ${folder} cannot be used: ${why}`, {
    cause: denied ? (cause ?? Object.assign(new Error("not opened"), { code: "EACCES" })) : cause,
    remedy: denied
      ? "run the command as the user the agent runs as (root, for an installed agent)"
      : "move the folder away: the agent then enrols and scans anew",
  });
}

const otherFormat = (folder: string, version: number): AppError =>
  version > readableFormat
    ? new AppError("STATE_NEWER", `the agent's state in ${folder} was written by a newer Provost (format ${version})`, {
        remedy: "run the newer version",
      })
    : new AppError("STATE_UNUSABLE", `the agent's state in ${folder} is in an older format (${version})`, {
        remedy: "run: provost scan, which brings it up to date",
      });
