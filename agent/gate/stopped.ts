import { createHash } from "node:crypto";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { GateDecision } from "@provost/shared/protocol/gate-frames.ts";
import type { State } from "../state/state.ts";

/** What a person asks about by its code: the last decision on these bytes, or on this path where they could not be read. */
export interface Stopped {
  readonly code: string;
  readonly digest: Sha256 | undefined;
  readonly decision: GateDecision;
}

const shortest = 6;
const longest = 12;
const mostStopped = 20_000;

/** Codes short enough to be typed, each for one subject of this device. */
export class StoppedFiles {
  readonly #state: State;
  readonly #device: string;
  readonly #bySubject;
  readonly #byCode;
  readonly #insert;

  constructor(state: State, device: string) {
    this.#state = state;
    this.#device = device;
    this.#bySubject = state.prepare<[string], string>("SELECT code FROM stopped WHERE subject = ?").pluck();
    this.#byCode = state.prepare<[string], { subject: string; body: string }>(
      "SELECT subject, body FROM stopped WHERE code = ?",
    );
    this.#insert = state.prepare(
      `INSERT INTO stopped (code, subject, at, body) VALUES (?, ?, ?, ?)
       ON CONFLICT (code) DO UPDATE SET at = excluded.at, body = excluded.body WHERE subject = excluded.subject
       ON CONFLICT (subject) DO UPDATE SET at = excluded.at, body = excluded.body`,
    );
  }

  /** The same subject has the same code for as long as it is remembered; another subject never shares it. */
  codeFor(digest: Sha256 | undefined, path: string): string {
    const subject = subjectOf(digest, path);
    const known = this.#bySubject.get(subject);
    if (known !== undefined) return known;
    const whole = createHash("sha256").update(`${this.#device}\n${subject}`).digest("hex");
    for (let length = shortest; length < longest; length += 1) {
      const code = whole.slice(0, length);
      if (this.#byCode.get(code) === undefined) return code;
    }
    return whole.slice(0, longest);
  }

  keep(decision: GateDecision): void {
    // Its path is the one inside its root: two containers have the same.
    const subject = subjectOf(decision.sha256, decision.root + decision.path);
    this.#insert.run(decision.code, subject, decision.at, JSON.stringify(decision));
  }

  /** The oldest are forgotten; called now and then. */
  trim(): void {
    this.#state
      .prepare("DELETE FROM stopped WHERE code IN (SELECT code FROM stopped ORDER BY at DESC LIMIT -1 OFFSET ?)")
      .run(mostStopped);
  }

  find(code: string): Stopped | undefined {
    return stoppedAt(this.#state, code);
  }
}

/** Also for the command line, which reads the state without the daemon. */
export function stoppedAt(state: State, code: string): Stopped | undefined {
  const row = state.prepare<[string], { body: string }>("SELECT body FROM stopped WHERE code = ?").get(code);
  if (row === undefined) return undefined;
  const decision = JSON.parse(row.body) as GateDecision;
  return { code, digest: decision.sha256, decision };
}

const subjectOf = (digest: Sha256 | undefined, path: string): string => digest ?? `path:${path}`;
