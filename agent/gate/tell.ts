import type { GateAlarm, GateDecision, RequestFrame } from "@provost/shared/protocol/gate-frames.ts";
import { limits } from "@provost/shared/protocol/limits.ts";
import { append } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import type { StoppedFiles } from "./stopped.ts";

/** How long decisions wait for equal ones: nobody who waits for an answer waits for this. */
const foldForMs = 500;

/**
 * What the gate did, on its way to the server: written after the kernel has its answer. Equal decisions are folded with a count, so
 * that a storm of one program is one item.
 */
export class Telling {
  readonly #state: State;
  readonly #stopped: StoppedFiles;
  readonly #spooled: () => void;
  readonly #waiting = new Map<string, GateDecision>();
  #alarms: GateAlarm[] = [];
  #timer: NodeJS.Timeout | undefined;
  #flushes = 0;

  constructor(state: State, stopped: StoppedFiles, spooled: () => void) {
    this.#state = state;
    this.#stopped = stopped;
    this.#spooled = spooled;
  }

  decision(item: GateDecision): void {
    const key = `${item.code} ${item.action} ${item.cause} ${item.access} ${item.process.uid} ${item.process.executable}`;
    const before = this.#waiting.get(key);
    this.#waiting.set(key, before === undefined ? item : { ...item, count: before.count + item.count });
    if (this.#waiting.size >= limits.decisionsPerFrame) this.flush();
    else this.#later();
  }

  alarm(item: GateAlarm): void {
    this.#alarms.push(item);
    if (this.#alarms.length >= limits.alarmsPerFrame) this.flush();
    else this.#later();
  }

  request(frame: RequestFrame): void {
    this.#state.transaction(() => append(this.#state, frame)).immediate();
    this.#spooled();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.size === 0 && this.#alarms.length === 0) return;
    const items = [...this.#waiting.values()];
    const alarms = this.#alarms;
    this.#waiting.clear();
    this.#alarms = [];
    this.#flushes += 1;
    this.#state
      .transaction(() => {
        for (const item of items) this.#stopped.keep(item);
        if (items.length > 0) append(this.#state, { kind: "decisions", items });
        if (alarms.length > 0) append(this.#state, { kind: "alarms", items: alarms });
        if (this.#flushes % flushesPerTrim === 0) this.#stopped.trim();
      })
      .immediate();
    this.#spooled();
  }

  #later(): void {
    this.#timer ??= setTimeout(() => this.flush(), foldForMs);
  }
}

const flushesPerTrim = 100;
