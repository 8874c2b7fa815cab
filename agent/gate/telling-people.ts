import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { GateDecision } from "@provost/shared/protocol/gate-frames.ts";
import type { NotifyOrder } from "./notify.ts";

const program = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./notify.ts" : "./notify.js", import.meta.url),
);

/** The same bytes are told once in so long. */
export const quietMs = 600_000;
const mostRemembered = 1000;

/** Whether a person is to be told of these bytes again. Pure but for its memory, which is bounded. */
export class Quiet {
  readonly #told = new Map<string, number>();

  mayTell(subject: string, now: number): boolean {
    const before = this.#told.get(subject);
    if (before !== undefined && now - before < quietMs) return false;
    this.#told.delete(subject);
    this.#told.set(subject, now);
    for (const first of this.#told.keys()) {
      if (this.#told.size <= mostRemembered) break;
      this.#told.delete(first);
    }
    return true;
  }
}

/** Where a person is reached: by the desktop session's bus, and by whoever reads the journal. */
export interface PersonPlaces {
  bus(user: number): string;
  readonly notifySend: string;
  /** A line for the journal; absent where standard error does not lead there. */
  readonly journal?: (line: string) => void;
}

const placesHere = (): PersonPlaces => ({
  bus: (user) => `/run/user/${user}/bus`,
  notifySend: "/usr/bin/notify-send",
  // systemd says so to what it starts (systemd.exec(5)).
  ...(process.env["JOURNAL_STREAM"] === undefined
    ? {}
    : { journal: (line: string) => void process.stderr.write(line) }),
});

/** A line in the journal, and a desktop notification where the person has a session. */
export function tellPerson(item: GateDecision, notice: string, places = placesHere()): void {
  const text = notice.trimEnd();
  places.journal?.(`provost: ${text.replaceAll("\n", " ")}\n`);
  const user = item.process.uid;
  const bus = places.bus(user);
  if (!existsSync(bus) || !existsSync(places.notifySend)) return;
  const child = fork(program, [], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
  child.on("error", () => undefined);
  const order: NotifyOrder = { user, title: "A program was stopped", text, bus, program: places.notifySend };
  child.send(order);
  child.unref();
}
