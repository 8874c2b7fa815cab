import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const top = join(import.meta.dirname, "../..");

export interface Product {
  /** The process all others of the product are below. */
  readonly pid: number;
  readonly address: string;
  /** Works once. */
  readonly signIn: string;
  /** The first pass is over, what it found is stored at the server, and no proof is pending. */
  readonly whole: Promise<void>;
  stop(): Promise<void>;
}

/** `.provost/bench-NAME`, below the folder that git does not see. */
export function benchFolder(name: string, mode: "keep" | "anew"): string {
  const folder = join(top, ".provost", `bench-${name}`);
  if (mode === "anew") rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

export const hasState = (folder: string): boolean => existsSync(join(folder, "agent", "agent.sqlite"));

/** `npm start` itself, as a person types it. Resolves once it printed where its console is. */
export async function startProduct(folder: string, excluded: readonly string[]): Promise<Product> {
  const options = ["--state", folder, "--port", "5780", ...excluded.flatMap((path) => ["--exclude", path])];
  const child = spawn("npm", ["start", "--silent", "--", ...options], {
    cwd: top,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("npm cannot be started");
  let printed = "";
  const ended = new Promise<never>((_resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`npm start ended with ${code}: ${printed.slice(-2000)}`)));
  });
  ended.catch(() => undefined);
  const seen = (pattern: RegExp): Promise<RegExpExecArray> =>
    Promise.race([
      ended,
      new Promise<RegExpExecArray>((resolve) => {
        const look = (): void => {
          const match = pattern.exec(printed);
          if (match !== null) resolve(match);
        };
        child.stdout.on("data", look);
        child.stderr.on("data", look);
      }),
    ]);
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
    });
  const whole = seen(/Watching\./).then(() => undefined);
  whole.catch(() => undefined);
  const [, address = ""] = await seen(/^console +(http\S+)/m);
  const [, signIn = ""] = /^sign in +(http\S+)/m.exec(printed) ?? (await seen(/^sign in +(http\S+)/m));
  return {
    pid,
    address,
    signIn,
    whole,
    async stop() {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      // npm, its shell and the product are one group; server and agent are ended by the product, in order.
      process.kill(-pid, "SIGTERM");
      await gone;
    },
  };
}

/** State of a whole first pass to start from: made once, kept below `.provost` for the benches that only read it. */
export async function settledState(excluded: readonly string[], say: (line: string) => void): Promise<string> {
  const folder = benchFolder("settled", "keep");
  if (hasState(folder)) return folder;
  say("a whole first pass, to have something to start from");
  const product = await startProduct(folder, excluded);
  try {
    await product.whole;
  } finally {
    await product.stop();
  }
  return folder;
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
