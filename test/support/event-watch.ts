import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

const native = join(import.meta.dirname, "../../agent/sensors/linux/native");
export const watchProgram = join(native, "build/watch");
export const actor = join(native, "build/actor");
export const writersTest = join(native, "build/writers-test");

/** Why the sensor's parts cannot be built or run here; undefined where they can. */
export function cannotWatch(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "events of the kernel need Linux and root";
  for (const tool of ["make", "gcc", "clang", "bpftool"])
    if (spawnSync("sh", ["-c", `PATH="$PATH:/usr/sbin" command -v ${tool}`]).status !== 0)
      return `${tool} is missing: npm start -- --system installs what the sensor is built with`;
  return undefined;
}

export function buildWatch(): void {
  const { status, stderr } = spawnSync("make", ["-C", native, "events-tests"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the sensor's parts could not be built: ${stderr}`);
}

/** One record as `watch` prints it: its kind, and its fields as text. */
export interface Told {
  readonly kind: string;
  readonly of: Readonly<Record<string, string>>;
}

/** The sensor's event parts, without the rest of it. Close it always: it ends with its input. */
export class EventWatch {
  readonly lines: string[] = [];
  readonly child: ChildProcessWithoutNullStreams;
  private wake: (() => void)[] = [];

  private constructor(args: readonly string[]) {
    this.child = spawn(watchProgram, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.child.stderr.on("data", (chunk: Buffer) => process.stderr.write(chunk));
    this.child.once("exit", () => this.wakeAll());
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      this.lines.push(line);
      this.wakeAll();
    });
  }

  private wakeAll(): void {
    for (const wake of this.wake.splice(0)) wake();
  }

  static async open(...args: readonly string[]): Promise<EventWatch> {
    const watch = new EventWatch(args);
    await watch.line((line) => line === "ready");
    return watch;
  }

  /** The first line that is so, also one that was there before. */
  async line(wanted: (line: string) => boolean): Promise<string> {
    for (let at = 0; ;) {
      for (; at < this.lines.length; at++) {
        const line = this.lines[at];
        if (line !== undefined && wanted(line)) return line;
      }
      if (this.child.exitCode !== null) throw new Error(`watch ended:\n${this.lines.join("\n")}`);
      await new Promise<void>((resolve) => {
        this.wake.push(resolve);
      });
    }
  }

  async told(kind: string, wanted: (of: Told["of"]) => boolean = () => true): Promise<Told["of"]> {
    const line = await this.line((each) => each.startsWith(`${kind} `) && wanted(parse(each).of));
    return parse(line).of;
  }

  ask(question: string): void {
    this.child.stdin.write(`${question}\n`);
  }

  get records(): readonly Told[] {
    return this.lines.map(parse);
  }

  get parts(): number {
    return Number(/^parts=(\d+)$/m.exec(this.lines.join("\n"))?.[1]);
  }

  /** Everything that was told, the losses with it. */
  async close(): Promise<readonly Told[]> {
    this.child.stdin.end();
    await this.line((line) => line.startsWith("end ")).catch(() => "");
    if (this.child.exitCode === null) await new Promise((resolve) => this.child.once("exit", resolve));
    return this.records;
  }
}

export function parse(line: string): Told {
  const [kind = "", ...words] = line.split(" ");
  const of: Record<string, string> = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at > 0) of[word.slice(0, at)] = word.slice(at + 1);
  }
  return { kind, of };
}
