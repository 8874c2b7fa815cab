import type { ActionName, Command, CommandState, StepReport } from "@provost/shared/model/command.ts";
import { orderSays } from "@provost/shared/actions/index.ts";
import type { Step } from "@provost/shared/actions/index.ts";
import type { State } from "../state/state.ts";

/** One step on its way. `memory`: what undoing and verifying need to know, written before the step begins. */
export interface JournalStep {
  readonly step: Step;
  state: StepReport["state"];
  says: string;
  memory?: unknown;
}

export interface JournalEntry {
  readonly command: Command;
  state: CommandState;
  why: string | undefined;
  readonly steps: JournalStep[];
}

const keptMs = 90 * 86_400_000;
const trimEveryMs = 3_600_000;

/**
 * What was ordered and how far it is, in the agent's state. Every change reaches the disk before the next step begins: an agent that is
 * killed anywhere finds here what is to be finished or undone.
 */
export class Journal {
  readonly #state: State;
  #trimmedAt = 0;

  constructor(state: State) {
    this.#state = state;
  }

  isUsed(id: string, nonce: string): boolean {
    return this.#state.prepare("SELECT 1 FROM commands WHERE id = ? OR nonce = ?").get(id, nonce) !== undefined;
  }

  one(id: string): JournalEntry | undefined {
    const row = this.#state.prepare<[string], Row>("SELECT * FROM commands WHERE id = ?").get(id);
    return row === undefined ? undefined : entryOf(row);
  }

  /** What was taken and did not come to an end. */
  open(): readonly JournalEntry[] {
    return this.#state
      .prepare<[], Row>("SELECT * FROM commands WHERE state IN ('accepted', 'executed') ORDER BY at, id")
      .all()
      .map(entryOf);
  }

  /** What holds now and was not undone, the oldest first. */
  standing(): readonly JournalEntry[] {
    return this.#state
      .prepare<[], Row>("SELECT * FROM commands WHERE state IN ('executed', 'verified') ORDER BY at, id")
      .all()
      .map(entryOf);
  }

  /** What ended long ago and can never be given again is forgotten; the audit keeps what was done. */
  trim(now: number): void {
    if (now - this.#trimmedAt < trimEveryMs) return;
    this.#trimmedAt = now;
    this.#state
      .prepare(
        `DELETE FROM commands WHERE at < ? AND json_extract(body, '$.expires') < ?
         AND (state IN ('refused', 'failed', 'reverted')
           OR (state = 'verified' AND json_extract(body, '$.order.action') IN ('undo', 'kill-process-tree', 'collect-triage')))`,
      )
      .run(now - keptMs, now);
  }

  /** `together` is written in the same transaction: what is told of it, and the audit. */
  write({ command, state, why, steps }: JournalEntry, now: number, together: () => void): void {
    // A power cut too: elsewhere the state may lose its last moment.
    this.#state.pragma("synchronous = FULL");
    try {
      this.#state
        .transaction(() => {
          this.#state
            .prepare(
              `INSERT INTO commands (id, nonce, at, body, state, why, steps) VALUES (?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (id) DO UPDATE SET state = excluded.state, why = excluded.why, steps = excluded.steps`,
            )
            .run(command.id, command.nonce, now, JSON.stringify(command), state, why ?? null, JSON.stringify(steps));
          together();
        })
        .immediate();
    } finally {
      this.#state.pragma("synchronous = NORMAL");
    }
  }
}

/** What leaves nothing that could hold. */
const passing: ReadonlySet<ActionName> = new Set(["undo", "kill-process-tree", "collect-triage"]);

/** What holds on this device now because it was ordered, in words. */
export const standingOrders = (state: State): readonly { readonly id: string; readonly says: string }[] =>
  new Journal(state)
    .standing()
    .filter(({ command }) => !passing.has(command.order.action))
    .map(({ command }) => ({ id: command.id, says: orderSays(command.order) }));

interface Row {
  readonly body: string;
  readonly state: CommandState;
  readonly why: string | null;
  readonly steps: string;
}

const entryOf = ({ body, state, why, steps }: Row): JournalEntry => ({
  command: JSON.parse(body) as Command,
  state,
  why: why ?? undefined,
  steps: JSON.parse(steps) as JournalStep[],
});
