import { readFileSync, readdirSync, statSync } from "node:fs";
import { basename } from "node:path";

/**
 * Who works with Provost's own command line as root at this moment, and everybody above: the session of the person who is at work here.
 * Only root's count, and only the program that this agent runs on: a name alone would shelter anything.
 */
export function operatorSessions(program: string): ReadonlySet<number> {
  const own = statSync(program);
  const found = new Set<number>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || !isCommandLine(pid, own)) continue;
    for (let at = pid; at > 1 && !found.has(at); at = parentOf(at)) found.add(at);
  }
  return found;
}

/** From a process's parent up to the first process. */
export function ancestorsOf(pid: number): readonly number[] {
  const found: number[] = [];
  for (let at = parentOf(pid); at > 0 && found.length < mostAncestors; at = parentOf(at)) found.push(at);
  return found;
}

const mostAncestors = 64;
const commandLines = new Set(["provost", "provost.ts", "provost.js"]);

function isCommandLine(pid: number, own: { readonly dev: number; readonly ino: number }): boolean {
  try {
    if (statSync(`/proc/${pid}`).uid !== 0) return false;
    const running = statSync(`/proc/${pid}/exe`);
    if (running.dev !== own.dev || running.ino !== own.ino) return false;
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.some((word) => word.includes("/") && commandLines.has(basename(word)));
  } catch {
    // It ended meanwhile, or lives in the kernel.
    return false;
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
