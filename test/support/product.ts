import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";

export const top = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
export const node = join(top, "node_modules", ".bin", "node");

export interface Product {
  /** The console's address, "http://127.0.0.1:PORT". */
  readonly address: string;
  /** Everything standard output said so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  waitFor(pattern: RegExp, milliseconds: number): Promise<RegExpExecArray>;
  /** As Ctrl-C does; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** Starts server and agent as `npm start` does, with a state of its own. */
export async function startProduct(state: string, port: number, more: readonly string[] = []): Promise<Product> {
  const child = spawn(
    node,
    [
      "--disable-warning=ExperimentalWarning",
      "installers/source/start.ts",
      "--state",
      state,
      "--port",
      String(port),
      ...more,
    ],
    { cwd: top, stdio: ["ignore", "pipe", "pipe"], env: { PROVOST_REGISTRIES: "off", ...process.env } },
  );
  const said = listen(child);
  const waitFor = async (pattern: RegExp, milliseconds: number): Promise<RegExpExecArray> => {
    const until = Date.now() + milliseconds;
    for (;;) {
      const match = pattern.exec(said.stdout() + said.stderr());
      if (match !== null) return match;
      if (child.exitCode !== null)
        throw new Error(`it ended with ${child.exitCode}:\n${said.stdout()}${said.stderr()}`);
      if (Date.now() > until)
        throw new Error(`not within ${milliseconds} ms: ${String(pattern)}\n${said.stdout()}${said.stderr()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const address = (await waitFor(/console\s+(http:\/\/\S+)/, 60_000))[1] ?? "";
  return { address, stdout: said.stdout, stderr: said.stderr, waitFor, stop: () => stopped(child) };
}

function listen(child: ChildProcess) {
  let out = "";
  let err = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  return { stdout: () => out, stderr: () => err };
}

function stopped(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    const last = setTimeout(() => child.kill("SIGKILL"), 20_000);
    child.once("exit", (code) => {
      clearTimeout(last);
      resolve(code);
    });
    child.kill("SIGINT");
  });
}
