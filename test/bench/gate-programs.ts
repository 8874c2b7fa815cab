import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const sources = join(import.meta.dirname, "programs");
const warnings = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"];

export interface Programs {
  /** Times execs of one program. */
  readonly timer: string;
  /** Answers the kernel's question with yes and knows nothing. */
  readonly allow: string;
  /** Stands in for the agent: says yes, and counts. */
  readonly counting: string;
  /** Executes a program while it is rewritten. */
  readonly racer: string;
  /** Static, ends with the code that stands in one of its bytes. */
  readonly flip: string;
  /** Static, ends at once. */
  readonly tiny: string;
}

/** The bench's own programs, compiled into `folder`. Throws where there is no compiler. */
export function compilePrograms(folder: string): Programs {
  mkdirSync(folder, { recursive: true });
  const compile = (name: string, flags: readonly string[], files: readonly string[]): string => {
    const output = join(folder, name);
    execFileSync("cc", [...warnings, ...flags, "-o", output, ...files.map((file) => join(sources, file))], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    return output;
  };
  return {
    timer: compile("exec-timer", [], ["exec-timer.c", "place.c"]),
    allow: compile("allow-exec", [], ["allow-exec.c", "place.c"]),
    counting: compile("counting-agent", [], ["counting-agent.c", "place.c"]),
    racer: compile("racer", [], ["racer.c", "place.c"]),
    flip: compile("flip", ["-static", "-nostdlib"], ["flip.c"]),
    tiny: compile("tiny", ["-static", "-nostdlib"], ["tiny.c"]),
  };
}

/** One line of exec-timer; microseconds where nothing else is said. */
export interface Timed {
  readonly count: number;
  readonly refused: number;
  readonly killed: number;
  /** Ended by itself with another code than 0. */
  readonly unsuccessful: number;
  readonly error: string;
  readonly seconds: number;
  /** Processor seconds of all that was started. */
  readonly user: number;
  readonly system: number;
  readonly least: number;
  readonly p10: number;
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly slowest: number;
  /** Seconds after the first exec. */
  readonly slowestAt: number;
}
