import { existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { ticksPerSecond } from "../inventory/proc-text.ts";

/**
 * Freezes and kills a process with everything below it, by a control group of its own (cgroup v2). What is moved into a frozen group
 * stands still at once, so a tree that forks all the time runs out of members that can fork; killing the group leaves nobody.
 */
export interface ProcessTarget {
  readonly pid: number;
  /** Nanoseconds since boot, as text. The kernel prints a start in ticks: both are compared in ticks. */
  readonly startedAt: string;
}

/** Everyone below a process, as the sensor's events told it: also those whose parents have ended since. */
export type Descendants = (pid: number, startTick: number) => readonly number[];

/** So many looks in a row find nobody new before the tree counts as whole: one look can miss who changes its number all the time. */
const quietLooks = 40;
/** A tree that outruns us for so long is named, not chased for ever. */
const chaseMs = 5000;
const settleMs = 2000;

/** Where control groups of version 2 are mounted; undefined: nowhere. */
export function cgroupRoot(): string | undefined {
  const line = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .find((mount) => mount.split(" ")[2] === "cgroup2");
  return line?.split(" ")[1];
}

/** Whether the number still means this process, and it runs: one that waits to be asked after has ended. */
export function isSame(target: ProcessTarget): boolean {
  const running = look(target.pid);
  return running !== undefined && running.startTick === tickOf(target);
}

/**
 * The frozen tree. Throws NOT_FOUND where the process has ended and nothing below it is known to run, NOT_ALLOWED for what lives in the
 * kernel, LIMIT where the tree could not be caught or does not stand still. `home`: the target's own service or
 * container (homeOf), which stands still from the first moment and goes on, without the tree, at the end.
 */
export function freezeTree(
  id: string,
  target: ProcessTarget,
  descendants: Descendants,
  isSpared: (pid: number) => boolean,
  home?: string,
): { readonly caught: number } {
  const first = look(target.pid);
  if (first?.startTick === tickOf(target) && first.isKernels)
    throw new AppError("NOT_ALLOWED", `process ${target.pid} lives in the kernel and is not stopped`);
  const group = openGroup(id);
  if (home !== undefined) freeze(home);
  const tree = new Tree(group, target, { descendants, isSpared, home });
  const until = Date.now() + chaseMs;
  for (let quiet = 0; quiet < quietLooks;) {
    const moved = tree.catchMore();
    quiet = moved === 0 ? quiet + 1 : 0;
    if (moved > 0 && Date.now() > until)
      throw new AppError(
        "LIMIT",
        `the tree below ${target.pid} still grows after ${chaseMs / 1000} s: ${members(group).length} processes stand still, the last look found ${moved} more`,
      );
  }
  const caught = members(group).length;
  if (caught === 0) {
    thawGroup(id, home);
    throw new AppError("NOT_FOUND", `process ${target.pid} has ended, and nothing that it started is known to run`);
  }
  if (!waitFor(() => isFrozen(id), settleMs))
    throw new AppError("LIMIT", `${caught} processes were stopped, but do not stand still after ${settleMs / 1000} s`);
  if (home !== undefined) thaw(home);
  return { caught };
}

export const isFrozen = (id: string): boolean => /frozen 1/.test(read(join(groupOf(id), "cgroup.events")) ?? "");

/** Nobody of the group is left. Throws LIMIT where somebody is. */
export function killGroup(id: string): void {
  const group = groupOf(id);
  if (!existsSync(group)) return;
  writeFileSync(join(group, "cgroup.kill"), "1");
  if (!waitFor(() => members(group).length === 0, settleMs))
    throw new AppError(
      "LIMIT",
      `${members(group).length} processes were killed, but have not ended after ${settleMs / 1000} s`,
    );
  removeGroup(group);
}

export const survivors = (id: string): readonly number[] => members(groupOf(id));

/** Lets a frozen tree go on; it stays in its group, which ends with its last member. */
export function thawGroup(id: string, home?: string): void {
  const group = groupOf(id);
  for (const frozen of home === undefined ? [group] : [group, home]) thaw(frozen);
  removeGroup(group);
}

const freeze = (group: string): void => writeFileSync(join(group, "cgroup.freeze"), "1");

function thaw(group: string): void {
  const file = join(group, "cgroup.freeze");
  if (existsSync(file)) writeFileSync(file, "0");
}

export function programOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}

function groupOf(id: string): string {
  const root = cgroupRoot();
  if (root === undefined)
    throw new AppError("NOT_ALLOWED", "this device has no control groups of version 2, so no process tree can be held");
  return join(root, `provost-${id}`);
}

function openGroup(id: string): string {
  const group = groupOf(id);
  try {
    mkdirSync(group, { recursive: true });
    freeze(group);
  } catch (cause) {
    throw new AppError("NOT_ALLOWED", `the agent may not make the control group ${group}`, {
      cause,
      remedy: "let the agent run as root and write to the control groups",
    });
  }
  return group;
}

function removeGroup(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // Somebody is in it still, or a zombie that its parent has not asked after: an empty group costs nothing.
  }
}

/**
 * Who belongs to the target. A child may outlive its parent and is then nobody's; it is known by its parent while that runs, by the
 * session that a member opened, by the service or container that the target is, and by what the sensor told of its birth.
 */
class Tree {
  readonly #group: string;
  readonly #target: ProcessTarget;
  readonly #known: Known;
  readonly #members = new Set<number>();
  /** Sessions that a member opened. The kernel gives the number to nobody else while the session has processes. */
  readonly #sessions = new Set<number>();
  /** Who was looked at and does not belong: only new numbers are read again, so that a look is quicker than a fork. */
  #strangers: ReadonlySet<number> = new Set();

  constructor(group: string, target: ProcessTarget, known: Known) {
    this.#group = group;
    this.#target = target;
    this.#known = known;
  }

  /** One look at all processes; who belongs to the tree is moved the moment it is seen. Returns how many were. */
  catchMore(): number {
    const inside = new Set(members(this.#group));
    // Numbers of members that ended may be somebody else's by now.
    this.#members.clear();
    for (const pid of inside) this.#members.add(pid);
    const { home, descendants } = this.#known;
    const told = new Set([
      ...descendants(this.#target.pid, tickOf(this.#target)),
      ...(home === undefined ? [] : membersBelow(home)),
    ]);
    const strangers = new Set<number>();
    let moved = 0;
    for (const name of readdirSync("/proc")) {
      const pid = Number(name);
      if (!Number.isInteger(pid) || this.#known.isSpared(pid)) continue;
      const seen = this.#strangers.has(pid) && !told.has(pid) ? "stranger" : look(pid);
      if (seen === undefined) continue;
      if (seen === "stranger" || seen.isKernels || !(inside.has(pid) || this.#belongs(seen, told))) {
        strangers.add(pid);
        continue;
      }
      this.#members.add(pid);
      if (seen.session === pid) this.#sessions.add(pid);
      if (!inside.has(pid) && move(pid, this.#group)) moved += 1;
    }
    // Somebody may have been looked at before the parent, or before the session, that makes it belong.
    this.#strangers = moved > 0 ? new Set() : strangers;
    return moved;
  }

  #belongs({ pid, parent, session, startTick }: Seen, told: ReadonlySet<number>): boolean {
    const first = tickOf(this.#target);
    if (pid === this.#target.pid) return startTick === first;
    // Whoever is older than the target was not started by it: its number, or its parent's, was another's before.
    if (startTick < first) return false;
    return this.#members.has(parent) || this.#sessions.has(session) || told.has(pid);
  }
}

interface Known {
  readonly descendants: Descendants;
  readonly isSpared: (pid: number) => boolean;
  readonly home: string | undefined;
}

/** A look may come before the end of whom it saw. */
function move(pid: number, group: string): boolean {
  try {
    writeFileSync(join(group, "cgroup.procs"), String(pid));
    return true;
  } catch {
    return false;
  }
}

/**
 * The target's own service or container, below which nobody is spared; undefined: it has none. A person's session is none: others'
 * programs run there, too.
 */
export function homeOf(target: ProcessTarget, isSpared: (pid: number) => boolean): string | undefined {
  if (!isSame(target)) return undefined;
  const { pid } = target;
  const root = cgroupRoot();
  const path = /^0::(\/.*)$/m.exec(read(`/proc/${pid}/cgroup`) ?? "")?.[1];
  if (root === undefined || path === undefined || !isOneThing(path)) return undefined;
  const home = join(root, path);
  return membersBelow(home).some(isSpared) ? undefined : home;
}

function isOneThing(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (/^(?:session-.*\.scope|init\.scope|user@.*\.service)$/.test(name)) return false;
  return /\.(?:service|scope)$/.test(name) || /[0-9a-f]{64}/.test(name);
}

function membersBelow(group: string): readonly number[] {
  const found = [...members(group)];
  try {
    for (const entry of readdirSync(group, { withFileTypes: true }))
      if (entry.isDirectory()) found.push(...membersBelow(join(group, entry.name)));
  } catch {
    // The group has ended.
  }
  return found;
}

const members = (group: string): readonly number[] =>
  (read(join(group, "cgroup.procs")) ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);

interface Seen {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly startTick: number;
  readonly isKernels: boolean;
}

/** proc_pid_stat(5), counted from the last parenthesis. Undefined for who has ended, whether or not its parent has asked after it. */
function look(pid: number): Seen | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = "Z", parent, , session, , , flags] = fields;
  if (state === "Z" || state === "X") return undefined;
  return {
    pid,
    parent: Number(parent),
    session: Number(session),
    startTick: Number(fields[19]),
    isKernels: (Number(flags) & kernelThread) !== 0,
  };
}

/** PF_KTHREAD in the kernel's sched.h. */
const kernelThread = 0x0020_0000;
const nsPerTick = BigInt(1e9 / ticksPerSecond);
const tickOf = ({ startedAt }: ProcessTarget): number => Number(BigInt(startedAt) / nsPerTick);

/** A moment, in the middle of a step: nothing else may happen meanwhile. Returns whether it came to be so. */
function waitFor(is: () => boolean, withinMs: number): boolean {
  const until = Date.now() + withinMs;
  const word = new Int32Array(new SharedArrayBuffer(4));
  while (!is()) {
    if (Date.now() >= until) return false;
    Atomics.wait(word, 0, 0, 2);
  }
  return true;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
