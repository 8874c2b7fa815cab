import type { SensorEvent, SensorRecord } from "@provost/shared/model/event.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { EventBatch, SensorListener, SensorSettings } from "./sensor.ts";

/** What is not an event has to be heard at once. */
export type Word = Exclude<SensorRecord, SensorEvent>;

/** What one reading of a stream of records gave. */
export interface Read {
  readonly words: readonly Word[];
  /** Undefined: none came. */
  readonly events: EventBatch | undefined;
}

/**
 * Tells a listener what was read. Words go before events: whoever waits in the kernel waits for their answer. Returns why the
 * sensor ends the connection, where it does.
 */
export function handOn(
  { words, events }: Read,
  listener: SensorListener,
  configure: (settings: SensorSettings) => void,
): string | undefined {
  let refused: string | undefined;
  for (const word of words)
    if (word.kind === "hello") {
      configure(listener.hello(word));
      listener.ready();
    } else if (word.kind === "refused") refused = word.why;
    else tell(word, listener);
  if (events !== undefined) listener.events(events);
  return refused;
}

function tell(word: Exclude<Word, { kind: "hello" | "refused" }>, listener: SensorListener): void {
  switch (word.kind) {
    case "status":
      return listener.status(word);
    case "lost":
      return listener.lost(word);
    case "tamper":
      return listener.tampered(word);
    case "ask":
      return listener.asked(word);
    case "gate":
      return listener.gate(word);
    default:
      return unreachable(word);
  }
}
