import type { Command, CommandState } from "@provost/shared/model/command.ts";
import { orderSays, planOf, stepWords } from "@provost/shared/actions/index.ts";
import type { Step } from "@provost/shared/actions/index.ts";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { appendAudit } from "../audit/append.ts";
import { append } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import { guardRefuses } from "./guard.ts";
import type { GuardFacts } from "./guard.ts";
import { Journal } from "./journal.ts";
import type { JournalEntry, JournalStep } from "./journal.ts";
import type { StepTable, StepWork } from "./steps.ts";
import { readCommand } from "./verify.ts";
import type { Expected } from "./verify.ts";

export interface ActionParts {
  readonly state: State;
  readonly steps: StepTable;
  readonly guard: GuardFacts;
  expected(): Omit<Expected, "isUsed">;
  readonly now: () => number;
  /** Something was appended to the spool. */
  spooled(): void;
  /** For tests: called before and after each step touches the device. */
  at?(where: "before" | "after", step: Step): void;
}

/** Between two looks at what stands: whoever sends orders that are none fills no audit with them. */
const mostRefusals = 100;

/**
 * Carries out what the server ordered: accepted, executed, verified, reverted; each written down before it is told. A step is never
 * done twice: after a crash it is looked at first.
 */
export class Actions {
  readonly #parts: ActionParts;
  readonly #journal: Journal;
  /** One at a time, in the order in which they came. */
  #last: Promise<void> = Promise.resolve();
  /** What only looks takes long, and nobody who is to be stopped waits for it. Also one at a time. */
  #lastLook: Promise<void> = Promise.resolve();

  #refusals = 0;

  constructor(parts: ActionParts) {
    this.#parts = parts;
    this.#journal = new Journal(parts.state);
  }

  /** Resolves when the command has come to an end. */
  async take(body: string, signature: string): Promise<void> {
    const { looking } = await this.#next(() => this.#begin(body, signature));
    await looking;
  }

  /** What an earlier agent left half done is finished or undone; what stands is made to stand again. */
  recover(): Promise<void> {
    return this.#next(async () => {
      this.#journal.trim(this.#parts.now());
      await this.#standAgain();
      for (const entry of this.#journal.open())
        if (onlyLooks(entry.command)) void this.#look(entry.command.id);
        else await this.#carryOut(entry);
    });
  }

  /** Whether what was ordered is still so: rules can be flushed, interfaces can come. */
  keep(): Promise<void> {
    this.#refusals = 0;
    return this.#next(async () => {
      await this.#standAgain();
      for (const { command, state } of this.#journal.open())
        if (state === "executed" && onlyLooks(command)) void this.#look(command.id);
    });
  }

  /** Somebody else said what a command waited for. */
  heard(id: string): Promise<void> {
    return this.#look(id);
  }

  /** Undoes what stands, on the word of a person at the device. Throws NOT_FOUND and NOT_ALLOWED. */
  release(id: string, by: string): Promise<string> {
    return this.#next(async () => {
      const target = this.#journal.one(id);
      const why = undoRefusal(id, target);
      if (target === undefined || why !== undefined)
        throw new AppError(target === undefined ? "NOT_FOUND" : "NOT_ALLOWED", why ?? "");
      const failure = await this.#undoWhole(target);
      if (failure !== undefined) throw new AppError("NOT_ALLOWED", failure);
      this.#write(target, "reverted", `undone on the device by ${by}`, by);
      return `Undone: ${orderSays(target.command.order)}`;
    });
  }

  /** Resolves when nothing is being changed. A look that is under way begins anew after the next start. */
  ended(): Promise<void> {
    return this.#last;
  }

  /** Goes on with an order that changes nothing, as far as it has come. */
  #look(id: string): Promise<void> {
    const before = this.#lastLook;
    const work = async (): Promise<void> => {
      await before;
      const entry = this.#journal.one(id);
      if (entry?.state === "accepted" || entry?.state === "executed") await this.#carryOut(entry);
    };
    // Where the journal cannot be written, the next start finds the order as it was.
    this.#lastLook = work().catch(() => undefined);
    return this.#lastLook;
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  /** `looking`: it goes on beside what comes next. */
  async #begin(body: string, signature: string): Promise<Begun> {
    const { now, state, guard } = this.#parts;
    const read = readCommand(body, signature, {
      ...this.#parts.expected(),
      isUsed: (id, nonce) => this.#journal.isUsed(id, nonce),
    });
    if (!read.ok) {
      this.#refusals += 1;
      if (this.#refusals > mostRefusals) return ended;
      state
        .transaction(() => {
          appendAudit(state, { at: now(), kind: "command", by: "server", says: `refused: ${read.why}` });
          if (read.id !== undefined && this.#journal.one(read.id) === undefined)
            this.#tell(read.id, "refused", read.why, []);
        })
        .immediate();
      this.#parts.spooled();
      return ended;
    }
    const { command } = read;
    const refusal = guardRefuses(command, guard);
    const steps: JournalStep[] =
      refusal !== undefined || command.order.action === "undo"
        ? []
        : planOf(command.order).map((step) => ({ step, state: "planned", says: stepWords(step).says }));
    this.#journal.trim(now());
    const entry: JournalEntry = { command, state: "issued", why: undefined, steps };
    this.#write(entry, refusal === undefined ? "accepted" : "refused", refusal);
    if (refusal !== undefined) return ended;
    if (onlyLooks(command)) return { looking: this.#look(command.id) };
    await this.#carryOut(entry);
    return ended;
  }

  async #carryOut(entry: JournalEntry): Promise<void> {
    if (entry.command.order.action === "undo") return this.#undoOf(entry, entry.command.order.command);
    // It failed before, and the agent was killed while it was undone.
    const failed = entry.steps.find(({ state }) => state === "failed");
    if (failed !== undefined) return this.#giveUp(entry, failureOf(failed));
    for (const one of entry.steps) {
      if (one.state === "done" || one.state === "verified") continue;
      const failure = await this.#perform(entry, one);
      if (failure !== undefined) return this.#giveUp(entry, failure);
    }
    if (entry.state !== "executed") this.#write(entry, "executed");
    return this.#verify(entry);
  }

  /** Returns why it failed. */
  async #perform(entry: JournalEntry, one: JournalStep): Promise<string | undefined> {
    const { id } = entry.command;
    const work = this.#workOf(one.step);
    try {
      if (one.state === "planned") {
        const memory = work.prepare?.(one.step, id);
        if (memory !== undefined) one.memory = memory;
        one.state = "started";
        this.#write(entry, "accepted");
      } else if ((await work.holds(one.step, id, one.memory)) !== false) {
        // It was begun by an agent that was killed, and has happened.
        one.state = "done";
        this.#write(entry, "accepted");
        return undefined;
      }
      this.#parts.at?.("before", one.step);
      one.says = await work.perform(one.step, id, one.memory);
      this.#parts.at?.("after", one.step);
      one.state = "done";
      this.#write(entry, "accepted");
      return undefined;
    } catch (cause) {
      one.state = "failed";
      one.says = reasonOf(cause);
      return failureOf(one);
    }
  }

  async #verify(entry: JournalEntry): Promise<void> {
    const { id } = entry.command;
    for (const one of entry.steps) {
      // Frozen processes were killed since: what counts is the last word on them.
      const work = this.#workOf(one.step);
      const holds = one.step.step === "freeze-processes" || (await work.holds(one.step, id, one.memory));
      // It stays executed until somebody says so.
      if (holds === "later") return undefined;
      if (!holds) {
        one.state = "failed";
        one.says = work.shortfall?.(id) ?? "looked at afterwards, it is not so";
        return this.#giveUp(entry, failureOf(one));
      }
      one.state = "verified";
    }
    return this.#write(entry, "verified");
  }

  /** What was done is undone, so that nothing is left half done. Written down first: an agent that is killed here goes on with it. */
  async #giveUp(entry: JournalEntry, failure: string): Promise<void> {
    this.#write(entry, entry.state);
    const left = await this.#undo(entry);
    this.#write(entry, "failed", left === undefined ? failure : `${failure}. Not undone: ${left}`);
  }

  async #undoOf(entry: JournalEntry, id: string): Promise<void> {
    const target = this.#journal.one(id);
    // An agent that was killed had undone it already; only the last word is missing.
    const isDone = entry.state === "executed" && target?.state === "reverted";
    const why = isDone ? undefined : undoRefusal(id, target);
    if (target === undefined || why !== undefined) return this.#write(entry, "failed", why);
    if (!isDone) {
      const failure = await this.#undoWhole(target);
      if (failure !== undefined) {
        this.#write(target, target.state);
        return this.#write(entry, "failed", failure);
      }
      if (entry.state !== "executed") this.#write(entry, "executed");
      this.#write(target, "reverted", entry.command.reason, entry.command.by);
    }
    return this.#write(entry, "verified");
  }

  /** Undone, and looked at afterwards. Returns what is not. */
  async #undoWhole(target: JournalEntry): Promise<string | undefined> {
    const failure = await this.#undo(target);
    if (failure !== undefined) return failure;
    for (const { step, state, memory } of target.steps) {
      if (state !== "undone" || this.#otherOf(target, step) !== undefined) continue;
      const work = this.#workOf(step);
      const { id } = target.command;
      const is = work.isUndone?.(step, id, memory) ?? !(await work.holds(step, id, memory));
      if (!is) return `looked at afterwards, it is not undone: ${stepWords(step).says}`;
    }
    return undefined;
  }

  /** What was done, backwards. Returns what could not be undone. */
  async #undo(entry: JournalEntry): Promise<string | undefined> {
    const failures: string[] = [];
    const { id } = entry.command;
    for (const one of entry.steps.toReversed()) {
      if (one.state === "planned" || one.state === "undone") continue;
      const other = this.#otherOf(entry, one.step);
      const work = this.#workOf(one.step);
      try {
        if (other === undefined) work.undo?.(one.step, id, one.memory);
        else await this.#workOf(other.step).perform(other.step, other.command, other.memory);
        if (one.state !== "failed") one.state = "undone";
      } catch (cause) {
        // What failed may have done nothing that could be undone.
        if (one.state !== "failed") failures.push(`${stepWords(one.step).undo ?? ""}: ${reasonOf(cause)}`);
      }
    }
    return failures.length === 0 ? undefined : failures.join("; ");
  }

  /** The network can be cut once only: while another order cuts it, too, it stays cut as that one says. */
  #otherOf(
    { command }: JournalEntry,
    { step }: Step,
  ): { readonly command: string; readonly step: Step; readonly memory: unknown } | undefined {
    if (step !== "cut-network") return undefined;
    return this.#cuts().findLast((cut) => cut.command !== command.id);
  }

  #cuts(): readonly { readonly command: string; readonly step: Step; readonly memory: unknown }[] {
    return this.#journal
      .standing()
      .flatMap(({ command, steps }) =>
        steps
          .filter(({ step, state }) => step.step === "cut-network" && (state === "done" || state === "verified"))
          .map(({ step, memory }) => ({ command: command.id, step, memory })),
      );
  }

  /** A device that was isolated is so again, before anything else. */
  async #standAgain(): Promise<void> {
    const { now, state } = this.#parts;
    const last = this.#cuts().at(-1);
    if (last === undefined) return;
    const work = this.#workOf(last.step);
    if (await work.holds(last.step, last.command, last.memory)) return;
    const says = await work.perform(last.step, last.command, last.memory);
    appendAudit(state, { at: now(), kind: "command", by: "agent", says: `again: ${says}` }, { command: last.command });
  }

  #workOf(step: Step): StepWork<Step["step"]> {
    return this.#parts.steps[step.step] as StepWork<Step["step"]>;
  }

  #write(entry: JournalEntry, to: CommandState, why?: string, by: string = entry.command.by): void {
    const { now, state } = this.#parts;
    const { command, steps } = entry;
    const changed = entry.state !== to;
    entry.state = to;
    entry.why = why;
    this.#journal.write(entry, now(), () => {
      const link = changed
        ? appendAudit(
            state,
            { at: now(), kind: "command", by, says: `${to}: ${saysOf(command)}` },
            {
              command: command.id,
              reason: command.reason,
              ...(why === undefined ? {} : { why }),
              ...Object.assign({}, ...steps.map(({ step }) => this.#workOf(step).facts?.(command.id) ?? {})),
            },
          )
        : undefined;
      this.#tell(command.id, to, why, steps, link);
    });
    this.#parts.spooled();
  }

  #tell(
    command: string,
    to: CommandState,
    why: string | undefined,
    steps: readonly JournalStep[],
    entry?: { readonly sequence: number; readonly hash: string },
  ): void {
    append(this.#parts.state, {
      kind: "report",
      command,
      state: to,
      ...(why === undefined ? {} : { why: why.slice(0, 2000) }),
      steps: steps.map(({ step, state, says }) => ({ step: step.step, state, says: says.slice(0, 1000) })),
      at: this.#parts.now(),
      ...(entry === undefined ? {} : { entry: { sequence: entry.sequence, hash: entry.hash as Sha256 } }),
    });
  }
}

interface Begun {
  readonly looking: Promise<void>;
}
const ended: Begun = { looking: Promise.resolve() };

const onlyLooks = ({ order }: Command): boolean => order.action === "collect-triage";

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const failureOf = ({ step, says }: JournalStep): string => `${stepWords(step).says}: ${says}`;

const saysOf = ({ order }: Command): string => (order.action === "undo" ? `Undo ${order.command}` : orderSays(order));

function undoRefusal(id: string, target: JournalEntry | undefined): string | undefined {
  if (target === undefined) return `this device has carried out no command ${id}`;
  if (target.state === "reverted") return "it is undone already";
  if (target.state !== "verified" && target.state !== "executed" && target.state !== "failed")
    return `it is ${target.state}: there is nothing to undo`;
  if (target.command.order.action === "kill-process-tree") return "what was killed cannot be brought back";
  if (target.command.order.action === "collect-triage") return "it changed nothing: there is nothing to undo";
  return undefined;
}
