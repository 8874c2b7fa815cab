import type { EventsLost } from "@provost/shared/model/event.ts";
import type { AlarmKind } from "@provost/shared/model/gate.ts";

/** It says every second how it is: after so many looks without a word it is missing. Counted, so that our own slowness is not its silence. */
const missingAfterLooks = 6;
const lookEveryMs = 1000;
/** A flood is lost in many small pieces: each place is told once in so many looks. */
const looksPerLoss = 10;

export interface HearingParts {
  alarm(kind: AlarmKind, says: string, facts: Readonly<Record<string, string>>): void;
  /** It is missing now, or it answers again. */
  changed(): void;
  /** Starts and ends of processes were lost: what is remembered of them may be wrong. */
  processesLost(): void;
}

/** Whether the sensor answers, and what it said that it lost. */
export class Hearing {
  readonly #parts: HearingParts;
  readonly #timer: NodeJS.Timeout;
  readonly #lost = new Map<EventsLost["where"], number>();
  #heardAt = Date.now();
  #silentLooks = 0;
  #looks = 0;
  #isMissing = false;
  #goneWhy = "it sends nothing";

  constructor(parts: HearingParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  get isMissing(): boolean {
    return this.#isMissing;
  }

  heard(): void {
    if (this.#isMissing) {
      this.#parts.alarm("missing", "The sensor answers again.", { since: new Date(this.#heardAt).toISOString() });
      this.#isMissing = false;
      this.#parts.changed();
    }
    this.#heardAt = Date.now();
    this.#silentLooks = 0;
  }

  gone(why: string): void {
    this.#goneWhy = why;
  }

  lost({ where, count }: Pick<EventsLost, "where" | "count">): void {
    this.#lost.set(where, (this.#lost.get(where) ?? 0) + count);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#tellLost();
  }

  #look(): void {
    this.#looks += 1;
    if (this.#looks % looksPerLoss === 0) this.#tellLost();
    this.#silentLooks += 1;
    if (this.#isMissing || this.#silentLooks < missingAfterLooks) return;
    this.#isMissing = true;
    const since = new Date(this.#heardAt).toISOString();
    this.#parts.alarm("missing", `The sensor does not answer: ${this.#goneWhy}.`, { since });
    this.#parts.changed();
  }

  #tellLost(): void {
    for (const [where, count] of this.#lost)
      this.#parts.alarm("lost", `${count} events were lost (${where}).`, { count: String(count), where });
    if (this.#lost.size > 0) this.#parts.processesLost();
    this.#lost.clear();
  }
}
