import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { scanEnvironment, scanFlags } from "../inventory/run-scan.ts";
import type { LookAnswer, LookOrder } from "./look.ts";

const program = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./look.ts" : "./look.js", import.meta.url));
const mostWaiting = 64;

/** Asks a short-lived process to read the books about one file; at most so many at once, and the same file once. */
export class Looking {
  readonly #folder: string;
  readonly #waiting = new Map<number, { readonly path: string; readonly done: (answer: LookAnswer) => void }>();
  readonly #byPath = new Map<string, Promise<LookAnswer>>();
  #child: ChildProcess | undefined;
  #last = 0;

  readonly #started: (pid: number) => void;

  /** `started`: a process of ours began, which may read everything. */
  constructor(folder: string, started: (pid: number) => void) {
    this.#folder = folder;
    this.#started = started;
  }

  /** Never rejects. */
  at(path: string): Promise<LookAnswer> {
    const under = this.#byPath.get(path);
    if (under !== undefined) return under;
    this.#last += 1;
    const id = this.#last;
    if (this.#waiting.size >= mostWaiting) return Promise.resolve({ id, why: "too many files wait for a look" });
    const answer = new Promise<LookAnswer>((done) => this.#waiting.set(id, { path, done }));
    this.#byPath.set(path, answer);
    this.#open().send({ id, folder: this.#folder, path } satisfies LookOrder, (cause) => {
      if (cause !== null) this.#finish({ id, why: cause.message });
    });
    return answer;
  }

  close(): void {
    this.#child?.disconnect();
    this.#child = undefined;
  }

  #open(): ChildProcess {
    if (this.#child?.connected === true) return this.#child;
    const child = fork(program, [], {
      execArgv: [...scanFlags(true)],
      env: { ...process.env, ...scanEnvironment },
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    child.on("message", (answer: LookAnswer) => this.#finish(answer));
    child.on("error", () => this.#fail(child));
    child.on("exit", () => this.#fail(child));
    child.unref();
    if (child.pid !== undefined) this.#started(child.pid);
    this.#child = child;
    return child;
  }

  #finish(answer: LookAnswer): void {
    const one = this.#waiting.get(answer.id);
    if (one === undefined) return;
    this.#waiting.delete(answer.id);
    this.#byPath.delete(one.path);
    one.done(answer);
  }

  /** It ended: what still waits is not answered any more. */
  #fail(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    for (const id of this.#waiting.keys()) this.#finish({ id, why: "the looking process ended" });
  }
}
