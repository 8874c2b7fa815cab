import { safeText } from "@provost/shared/lib/path-text.ts";
import type { ProcessStamp } from "@provost/shared/model/event.ts";
import type { ObservedProcess } from "@provost/shared/model/observed.ts";
import { ticksPerSecond } from "../inventory/proc-text.ts";
import { bounded } from "./ancestors.ts";
import { dropFirst } from "@provost/shared/lib/drop-first.ts";

export interface ProcessParts {
  userName(uid: number): string;
  /** A process that ran before its start could be told. */
  before(
    pid: number,
  ):
    | { readonly program: string; readonly words: string; readonly parent: number; readonly startTick: number }
    | undefined;
}

const mostProcesses = 16_384;
const mostEnded = 2048;
const nsPerTick = 1e9 / ticksPerSecond;

/** The processes that events speak of: by the number the kernel gave them and, because numbers are given again, by their start. */
export class ToldProcesses {
  readonly #parts: ProcessParts;
  readonly #processes = new Map<number, ObservedProcess>();
  readonly #ended = new Map<number, ObservedProcess>();

  constructor(parts: ProcessParts) {
    this.#parts = parts;
  }

  running(pid: number): ObservedProcess | undefined {
    return this.#processes.get(pid);
  }

  /** One that runs, also where its start was before the agent's. */
  found(pid: number): ObservedProcess | undefined {
    return this.#processes.get(pid) ?? this.#fromProc(pid);
  }

  /** Nothing has happened for some seconds: what was held for events that come late is let go. */
  rest(): void {
    this.#ended.clear();
  }

  /** The number has been given away: what is remembered of it speaks of another process. */
  actor(who: ProcessStamp): ObservedProcess {
    const known = this.#processes.get(who.pid);
    if (known !== undefined && known.startedAt === startText(who.started)) return known;
    const ended = this.#ended.get(who.pid);
    if (ended !== undefined && ended.startedAt === startText(who.started)) return ended;
    const found = this.#fromProc(who.pid);
    const parent = this.found(who.parent);
    const made: ObservedProcess = {
      ...this.identity(who),
      executable: found?.executable ?? "",
      arguments: found?.arguments ?? [],
      ...(parent === undefined ? {} : { parent: bounded(parent) }),
    };
    this.keep(made);
    return made;
  }

  identity(who: ProcessStamp) {
    return {
      pid: who.pid,
      startedAt: startText(who.started),
      uid: who.user,
      gid: who.group,
      user: this.#parts.userName(who.user),
      ...(who.loginUser === undefined
        ? {}
        : { loginUid: who.loginUser, loginUser: this.#parts.userName(who.loginUser) }),
      ...(who.session === undefined ? {} : { session: who.session }),
      name: who.name,
    };
  }

  forget(pid: number): void {
    this.#processes.delete(pid);
  }

  /** What it did with files is told by another part of the sensor, up to a moment after its end. */
  end(process: ObservedProcess): void {
    this.#processes.delete(process.pid);
    this.#ended.delete(process.pid);
    this.#ended.set(process.pid, process);
    if (this.#ended.size > mostEnded) dropFirst(this.#ended);
  }

  keep(process: ObservedProcess): void {
    this.#processes.delete(process.pid);
    this.#processes.set(process.pid, process);
    if (this.#processes.size > mostProcesses) dropFirst(this.#processes);
  }

  #fromProc(pid: number, depth = 0): ObservedProcess | undefined {
    if (pid <= 0 || depth > 8) return undefined;
    const known = this.#processes.get(pid);
    if (known !== undefined) return known;
    const found = this.#parts.before(pid);
    if (found === undefined) return undefined;
    const parent = this.#fromProc(found.parent, depth + 1);
    const words = found.words === "" ? [] : found.words.split("\0").map((word) => safeText(word));
    const process: ObservedProcess = {
      pid,
      startedAt: String(found.startTick * nsPerTick),
      uid: 0,
      gid: 0,
      executable: found.program,
      arguments: words,
      name: (found.program.split("/").at(-1) ?? "").slice(0, 15),
      ...(parent === undefined ? {} : { parent: bounded(parent) }),
    };
    this.keep(process);
    return process;
  }
}

/** A start in whole ticks: what the kernel prints, so that the device can find the process again by it. */
export const startText = (nanoseconds: number): string => String(Math.floor(nanoseconds / nsPerTick) * nsPerTick);
