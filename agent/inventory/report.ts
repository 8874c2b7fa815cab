import type { InventoryProblem } from "@provost/shared/model/inventory.ts";
import type { ScanFrame } from "@provost/shared/protocol/frames.ts";
import { append } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import { writeMeta } from "../state/state.ts";
import type { Survey } from "./survey.ts";

/** What a report has to know of the pass it tells about. */
export interface ReportOptions {
  /** `running`: no walk; only files that run and are not known yet. The next whole pass looks at their owners again. */
  readonly scope: "whole" | "running";
  /** Walk only below these folders, as path text. What lies elsewhere is neither seen nor gone. */
  readonly starts?: readonly string[];
  /** Called often and cheaply: progress for a person, and a chance to send what was spooled. */
  progress(frame: ScanFrame): void;
  now(): number;
}

/** Only a pass over the whole device is news to the server, and the last pass that `provost status` tells about. */
export const isEverywhere = ({ scope, starts }: Pick<ReportOptions, "scope" | "starts">): boolean =>
  scope === "whole" && starts === undefined;

/** Keeps the scan frame up to date and hands it on at most every 200 ms. */
export class Report {
  readonly #state: State;
  readonly #options: ReportOptions;
  #frame: ScanFrame;
  #last = 0;

  constructor(state: State, options: ReportOptions) {
    this.#state = state;
    this.#options = options;
    this.#frame = {
      kind: "scan",
      state: "walking",
      filesSeen: 0,
      executables: 0,
      hashed: 0,
      toHash: 0,
      bytesHashed: 0,
      startedAt: options.now(),
      blind: [],
      problems: [],
    };
  }

  walking(filesSeen: number, executables: number): void {
    this.#set({ filesSeen, executables });
  }

  walked(walked: Survey): void {
    this.#set({ filesSeen: walked.filesSeen, executables: walked.candidates.length, blind: [...walked.blind] });
  }

  hashing(toHash: number, executables: number): void {
    this.#set({ state: "hashing", toHash, executables });
    if (isEverywhere(this.#options)) this.#spool();
  }

  hashed(bytes: number): void {
    this.#set({ hashed: this.#frame.hashed + 1, bytesHashed: this.#frame.bytesHashed + bytes });
  }

  problem(problem: InventoryProblem): void {
    if (this.#frame.problems.length < 200) this.#frame.problems.push({ ...problem, why: problem.why.slice(0, 1000) });
  }

  done(): ScanFrame {
    this.#frame = { ...this.#frame, state: "done", endedAt: this.#options.now() };
    this.#state
      .transaction(() => {
        writeMeta(this.#state, "last-scan", JSON.stringify(this.#frame));
        append(this.#state, this.#frame);
      })
      .immediate();
    this.#options.progress(this.#frame);
    return this.#frame;
  }

  /** A pass over what runs is no news of its own. */
  quietly(): ScanFrame {
    return { ...this.#frame, state: "done", endedAt: this.#options.now() };
  }

  #set(change: Partial<ScanFrame>): void {
    this.#frame = { ...this.#frame, ...change };
    const now = this.#options.now();
    if (now - this.#last < 200) return;
    this.#last = now;
    if (isEverywhere(this.#options) && this.#frame.state === "hashing") this.#spool();
    this.#options.progress(this.#frame);
  }

  #spool(): void {
    this.#state.transaction(() => append(this.#state, this.#frame)).immediate();
  }
}
