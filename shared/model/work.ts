import type { Worth } from "./detection.ts";
import type { ObservedProcess } from "./observed.ts";

/** Which processes are one piece of work: a device counts what it changes, the server names and stops it. Pure. */

export const baseName = (path: string): string => path.split("/").at(-1) ?? path;

export const programName = ({ executable, name }: ObservedProcess): string => baseName(executable || name);

/** What nothing claims, or what evidence speaks against. A file that nobody judged yet is neither. */
export const isUnowned = (worth: Worth | undefined): boolean =>
  worth !== undefined &&
  (worth.standing === "refuted" ||
    (worth.standing === "unproven" && (worth.basis === "none" || worth.basis === "claimed")));

/** A name spares nobody whose bytes nothing claims: everybody chooses a name. */
export const isKnownAs = (process: ObservedProcess, names: RegExp): boolean =>
  !isUnowned(process.worth) && names.test(programName(process));

export function* upwards(process: ObservedProcess): Generator<ObservedProcess> {
  let steps = 0;
  for (let at = process.parent; at !== undefined && steps < 32; at = at.parent, steps += 1) yield at;
}

const shells = new Set(["sh", "bash", "dash", "zsh", "ksh", "fish", "ash", "busybox"]);
export const isShell = (process: ObservedProcess): boolean => shells.has(programName(process));

const interpreters = new Set([...shells, "node", "nodejs", "perl", "ruby", "php", "lua", "bun", "deno", "tclsh"]);
export const isInterpreter = (process: ObservedProcess): boolean =>
  interpreters.has(programName(process)) || /^python[0-9.]*$/.test(programName(process));

/** Programs that start others in their own place, or once for each file. */
const relays = /^(?:env|xargs|find|parallel|nice|ionice|nohup|setsid|timeout|time|stdbuf|sudo|doas|su|runuser)$/;

/**
 * The first process of the work that this one belongs to: up through scripts, relays, copies of itself and what nothing claims. Whoever
 * spreads over many short processes is one all the same. A shell that somebody types into ends it, and so does any other program.
 */
export function workOf(process: ObservedProcess): ObservedProcess {
  let first = process;
  for (const above of upwards(process)) {
    if (!isOneWork(above, first)) break;
    first = above;
  }
  return first;
}

const isOneWork = (above: ObservedProcess, below: ObservedProcess): boolean =>
  isUnowned(above.worth) ||
  relays.test(programName(above)) ||
  (above.executable !== "" && above.executable === below.executable && !isTypedInto(above)) ||
  (isInterpreter(above) && !isTypedInto(above));

/** It was given no script and no command. One below another shell reads them from a pipe as well as from a person. */
const isTypedInto = (process: ObservedProcess): boolean =>
  isShell(process) &&
  process.arguments
    .slice(1)
    .every((word) => /^-[a-z-]*$/.test(word) && (word.startsWith("--") || !word.includes("c"))) &&
  (process.parent === undefined || !isShell(process.parent));
