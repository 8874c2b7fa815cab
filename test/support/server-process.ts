import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { ServerMessage } from "../../server/running.ts";

export interface ServerProcess {
  readonly child: ChildProcess;
  readonly ready: Extract<ServerMessage, { kind: "ready" }>;
  readonly agentUrl: string;
  /** SIGKILL: no goodbye, no closing of the database. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL("../../server/main.ts", import.meta.url));

/** The real server as a process of its own, on a port that stays the same over its lives. */
export async function startServerProcess(folder: string, port: number): Promise<ServerProcess> {
  const child = fork(program, [], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    env: { ...process.env, PROVOST_SERVER_STATE: folder, PROVOST_PORT: String(port), PROVOST_LOCAL_ARCHIVES: "" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let complaint = "";
  child.stderr?.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-4000)));
  const ready = await new Promise<ServerProcess["ready"]>((resolve, reject) => {
    child.on("message", (message: ServerMessage) => {
      if (message.kind === "ready") resolve(message);
      else if (message.kind === "failed") reject(new Error(`${message.code}: ${message.why}`));
    });
    child.once("exit", () => reject(new Error(`the server ended: ${complaint}`)));
  });
  return {
    child,
    ready,
    agentUrl: ready.agentUrl,
    kill: () => ended(child, "SIGKILL"),
    stop: () => ended(child, "SIGTERM"),
  };
}

export function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
