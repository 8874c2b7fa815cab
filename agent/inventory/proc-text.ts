import { safeText } from "@provost/shared/lib/path-text.ts";

/** sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on. */
export const ticksPerSecond = 100;

export interface Stat {
  readonly name: string;
  readonly parent: number;
  readonly startTicks: number;
  /** A thread of the kernel's own: it has no program. */
  readonly isKernel: boolean;
}

/** PF_KTHREAD of the kernel's include/linux/sched.h. */
const kernelThread = 0x0020_0000;

/** proc_pid_stat(5). The name may hold spaces and parentheses, so the fields are counted from the last parenthesis. */
export function parseStat(text: string): Stat | undefined {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(" ");
  const parent = Number(fields[1]);
  const startTicks = Number(fields[19]);
  if (!Number.isSafeInteger(parent) || !Number.isSafeInteger(startTicks)) return undefined;
  const isKernel = (Number(fields[6]) & kernelThread) !== 0;
  return { name: safeText(text.slice(open + 1, close)), parent, startTicks, isKernel };
}

/** Seconds since 1970 at which the machine started (proc_stat(5), btime). */
export const bootTime = (text: string): number => Number(/^btime (\d+)$/m.exec(text)?.[1] ?? 0);

export interface MappedFile {
  /** "55d0a0000-55d0a1000", the name of the link in /proc/PID/map_files. */
  readonly range: string;
  readonly path: string;
}

/** proc_pid_maps(5): mappings with execute permission and a file behind them, each file once. */
export function mappedFiles(maps: string): readonly MappedFile[] {
  const found = new Map<string, MappedFile>();
  for (const line of maps.split("\n")) {
    const match = mapLine.exec(line);
    if (match === null) continue;
    const [, range = "", permissions = "", file = "", path = ""] = match;
    if (permissions[2] !== "x" || file.endsWith(" 0") || found.has(file)) continue;
    found.set(file, { range: own(plainRange(range)), path: own(safeText(unescape(path))) });
  }
  return [...found.values()];
}

/** A text of its own: V8 keeps the whole text that a part was cut from, and a process's mappings are tens of kilobytes. */
const own = (text: string): string => Buffer.from(text).toString();

const mapLine = /^([0-9a-f]+-[0-9a-f]+) (\S{4}) [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+ \d+)\s+(\/.*)$/;

/** maps pads addresses with zeros, map_files does not. */
const plainRange = (range: string): string =>
  range
    .split("-")
    .map((part) => part.replace(/^0+(?=.)/, ""))
    .join("-");

/** The kernel writes a newline in a mapped path as \012. */
const unescape = (path: string): string => path.replaceAll("\\012", "\n");
