import { readFileSync, readdirSync } from "node:fs";

/** One process below the one that is watched, at one moment. */
export interface Sample {
  readonly pid: number;
  readonly command: string;
  readonly rssMb: number;
  readonly anonymousMb: number;
  /** Its share of pages that several processes map is divided among them. */
  readonly proportionalMb: number;
  readonly cpuSeconds: number;
}

/** Every process below `top` now. One that ends meanwhile is left out. */
export function sampleBelow(top: number): readonly Sample[] {
  const parents = new Map<number, Stat>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined) parents.set(Number(name), stat);
  }
  return [...parents].flatMap(([pid, stat]) => (isBelow(pid, top, parents) ? sampleOf(pid, stat) : []));
}

interface Stat {
  readonly parent: number;
  readonly cpuSeconds: number;
}

/** proc_pid_stat(5); the name in parentheses may hold anything, so the fields are counted from its end. */
function statOf(pid: number): Stat | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(fields[1]), cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond };
}

const ticksPerSecond = 100;

function isBelow(pid: number, top: number, parents: ReadonlyMap<number, Stat>): boolean {
  for (let at = parents.get(pid)?.parent; at !== undefined && at > 0; at = parents.get(at)?.parent)
    if (at === top) return true;
  return false;
}

function sampleOf(pid: number, stat: Stat): readonly Sample[] {
  const status = readText(`/proc/${pid}/status`);
  const command = readText(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ").trim();
  if (status === undefined || command === undefined) return [];
  return [
    {
      pid,
      command,
      rssMb: megabytes(status, "VmRSS"),
      anonymousMb: megabytes(status, "RssAnon"),
      proportionalMb: megabytes(readText(`/proc/${pid}/smaps_rollup`) ?? "", "Pss"),
      cpuSeconds: stat.cpuSeconds,
    },
  ];
}

/** In units of 1,000,000 bytes; the kernel writes "kB" and means 1,024. */
const megabytes = (text: string, field: string): number =>
  (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024) / 1e6;

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
