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

/** A desktop notification where the person has a session, else the journal: standard error, under systemd. */
export function tellPerson(item: GateDecision, notice: string): void {
  const text = notice.trimEnd();
  if (existsSync(`/run/user/${item.process.uid}/bus`) && existsSync("/usr/bin/notify-send")) {
    const child = fork(program, [], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    child.on("error", () => undefined);
    child.send({ user: item.process.uid, title: "A program was stopped", text } satisfies NotifyOrder);
    child.unref();
  } else if (process.env["JOURNAL_STREAM"] !== undefined)
    process.stderr.write(`provost: ${text.replaceAll("\n", " ")}\n`);
}
