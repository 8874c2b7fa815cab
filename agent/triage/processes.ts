import { readdirSync } from "node:fs";
import { pathText } from "@provost/shared/lib/path-text.ts";
import type { ProcessKey } from "@provost/shared/model/detection.ts";
import { parseStat, ticksPerSecond } from "../inventory/proc-text.ts";
import type { TriageProcess } from "./bundle.ts";
import type { LeftOut } from "./look.ts";
import { bytesOf, first, linesOf, linkOf, partsOf } from "./look.ts";

const bounds = { processes: 20_000, arguments: 256, argumentCharacters: 4096, names: 512, files: 1000, maps: 1000 };
const nsPerTick = BigInt(1e9 / ticksPerSecond);

export interface SeenProcesses {
  readonly processes: readonly TriageProcess[];
  /** Those that were looked at closely. */
  readonly near: readonly number[];
  /** Whether the process that was asked about is still the same one. */
  readonly runs: boolean;
}

/**
 * All processes, and what the asked one, who started it and what it started have open; where none is asked about, or it has ended, of
 * all. `until`: a moment after which nobody is looked at closely any more.
 */
export function seeProcesses(about: ProcessKey | undefined, until: () => boolean, left: LeftOut): SeenProcesses {
  const rows = first(
    readdirSync("/proc").filter((name) => /^\d+$/.test(name)),
    bounds.processes,
    "processes",
    left,
  ).flatMap((name) => rowOf(Number(name)) ?? []);
  const target = about === undefined ? undefined : rows.find(({ pid }) => pid === about.pid);
  const runs = about !== undefined && target?.startedAt === tickStart(about.startedAt);
  const near = runs ? around(about.pid, rows) : new Set(rows.map(({ pid }) => pid));
  const processes = rows.map((row): TriageProcess => {
    if (!near.has(row.pid)) return row;
    if (!until()) return { ...row, detail: detailOf(row.pid, left) };
    left.add("details of processes", "there was no time left");
    return row;
  });
  return { processes, near: [...near], runs };
}

/** An order names the start in nanoseconds; the kernel prints ticks. */
const tickStart = (startedAt: string): string => String((BigInt(startedAt) / nsPerTick) * nsPerTick);

/** The process, everybody above it and everybody below it. */
function around(pid: number, rows: readonly TriageProcess[]): ReadonlySet<number> {
  const parents = new Map(rows.map((row) => [row.pid, row.parent]));
  const found = new Set<number>();
  for (let at: number | undefined = pid; at !== undefined && at > 0 && !found.has(at); at = parents.get(at))
    found.add(at);
  const children = Map.groupBy(rows, ({ parent }) => parent);
  for (const below = [pid]; below.length > 0;)
    for (const child of children.get(below.pop() ?? 0) ?? [])
      if (!found.has(child.pid)) {
        found.add(child.pid);
        below.push(child.pid);
      }
  return found;
}

function rowOf(pid: number): TriageProcess | undefined {
  const stat = parseStat(bytesOf(`/proc/${pid}/stat`)?.toString("latin1") ?? "");
  // It has ended since its number was read.
  if (stat === undefined) return undefined;
  const executable = linkOf(`/proc/${pid}/exe`);
  const status = bytesOf(`/proc/${pid}/status`)?.toString("latin1") ?? "";
  return {
    pid,
    startedAt: String(BigInt(stat.startTicks) * nsPerTick),
    parent: stat.parent,
    name: stat.name,
    uid: Number(/^Uid:\t\d+\t(\d+)/m.exec(status)?.[1] ?? 0),
    ...(executable === undefined ? {} : { executable }),
    arguments: (partsOf(`/proc/${pid}/cmdline`) ?? [])
      .slice(0, bounds.arguments)
      .map((part) => pathText(part.subarray(0, bounds.argumentCharacters))),
  };
}

function detailOf(pid: number, left: LeftOut): NonNullable<TriageProcess["detail"]> {
  const cwd = linkOf(`/proc/${pid}/cwd`);
  const root = linkOf(`/proc/${pid}/root`);
  const loginUid = Number(bytesOf(`/proc/${pid}/loginuid`)?.toString("latin1") ?? unset);
  return {
    ...(cwd === undefined ? {} : { cwd }),
    ...(root === undefined ? {} : { root }),
    cgroup: linesOf(`/proc/${pid}/cgroup`).join(" ").slice(0, 4096),
    ...(loginUid === unset || Number.isNaN(loginUid) ? {} : { loginUid }),
    environment: first(environmentNames(pid, left), bounds.names, "environment names", left),
    files: first(openFiles(pid, left), bounds.files, "open files", left),
    maps: first(
      linesOf(`/proc/${pid}/maps`).filter((line) => line.includes("/") || / ..x. /.test(line)),
      bounds.maps,
      "mappings",
      left,
    ),
  };
}

/** (uid_t) -1: proc_pid_loginuid(5). */
const unset = 0xffff_ffff;

function environmentNames(pid: number, left: LeftOut): readonly string[] {
  const parts = partsOf(`/proc/${pid}/environ`);
  if (parts === undefined) left.add("environments", "this user may not see them, or the process has ended");
  return (parts ?? []).flatMap((part) => {
    const end = part.indexOf("=");
    // Without "=" it is no variable but what a program wrote over its environment: that could be a value.
    return end > 0 ? [pathText(part.subarray(0, Math.min(end, 256)))] : [];
  });
}

function openFiles(pid: number, left: LeftOut): readonly { readonly fd: number; readonly path: string }[] {
  let names: readonly string[];
  try {
    names = readdirSync(`/proc/${pid}/fd`);
  } catch {
    left.add("open files of processes", "this user may not see them, or the process has ended");
    return [];
  }
  return names.flatMap((fd) => {
    const path = linkOf(`/proc/${pid}/fd/${fd}`);
    return path === undefined ? [] : [{ fd: Number(fd), path }];
  });
}
