import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { DaemonMessage } from "../../agent/main.ts";
import type { GateRoot } from "./gate-root.ts";
import { copyProgram } from "./gate-root.ts";
import { endChild } from "./gate-sensor.ts";

const top = join(import.meta.dirname, "../..");

/** What the root's own package database says is there; what it does not list nothing claims. */
export function installPrograms(root: GateRoot, programs: readonly (readonly [from: string, as: string])[]): void {
  for (const [from, as] of programs) copyProgram(root, from, as);
  fs.mkdirSync(join(root.path, "etc"), { recursive: true });
  fs.writeFileSync(join(root.path, "etc/os-release"), "ID=debian\n");
  recordPackage(root, "base", filesBelow(join(root.path, "usr")));
}

/** Every file with its md5sum, as dpkg keeps them. */
export function recordPackage(root: GateRoot, name: string, files: readonly string[]): void {
  const folder = join(root.path, "var/lib/dpkg");
  fs.mkdirSync(join(folder, "info"), { recursive: true });
  const stanza = `Package: ${name}\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody\n\n`;
  fs.appendFileSync(join(folder, "status"), stanza);
  const paths = files.map((path) => path.slice(root.path.length));
  fs.writeFileSync(join(folder, "info", `${name}.list`), paths.map((path) => `${path}\n`).join(""));
  const sums = files.map((path) => `${digest("md5", path)}  ${path.slice(root.path.length + 1)}\n`);
  fs.writeFileSync(join(folder, "info", `${name}.md5sums`), sums.join(""));
}

export const digest = (algorithm: string, path: string): string =>
  createHash(algorithm).update(fs.readFileSync(path)).digest("hex");

export const filesBelow = (folder: string): readonly string[] =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

export interface GatedAgent {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly control: string;
  /** Resolves with the next message that `wanted` picks, past ones included. */
  heard(wanted: (message: DaemonMessage) => boolean): Promise<DaemonMessage>;
  stop(): Promise<void>;
}

/** How it is started: from its source, unless something else is said. */
export interface AgentProgram {
  readonly program: string;
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where its standard error goes; this process's own, unless the test reads it. */
  readonly stderr?: "pipe";
}

export const fromSource: AgentProgram = { program: join(top, "agent/main.ts"), flags: [], environment: {} };

/** The agent as it runs, with nothing but the root to walk over. */
export function startGatedAgent(
  root: GateRoot,
  socket: string,
  more: Readonly<Record<string, unknown>>,
  { program, flags, environment, stderr } = fromSource,
): GatedAgent {
  const folder = join(root.scratch, "agent");
  const control = join(root.scratch, "control");
  const child = fork(program, [], {
    execArgv: ["--disable-warning=ExperimentalWarning", ...flags],
    env: { ...process.env, ...environment },
    stdio: ["ignore", "inherit", stderr ?? "inherit", "ipc"],
  });
  const messages: DaemonMessage[] = [];
  const waiting = new Set<(message: DaemonMessage) => void>();
  child.on("message", (message: DaemonMessage) => {
    messages.push(message);
    for (const one of waiting) one(message);
  });
  child.send({ folder, control, sensor: socket, excluded: allBut(root.scratch), ...more });
  return {
    child,
    folder,
    control,
    heard: (wanted) =>
      new Promise((resolve, reject) => {
        const known = messages.find(wanted);
        if (known !== undefined) return resolve(known);
        child.once("exit", (code) => reject(new Error(`the agent ended with ${code}`)));
        waiting.add((message) => {
          if (wanted(message)) resolve(message);
        });
        return undefined;
      }),
    stop: () => endChild(child),
  };
}

/** Every folder that is not on the way to this one. */
function allBut(path: string): readonly string[] {
  const beside: string[] = [];
  for (let at = path; at !== "/"; at = dirname(at))
    for (const name of fs.readdirSync(dirname(at))) {
      const one = join(dirname(at), name);
      if (one !== at) beside.push(one);
    }
  return beside;
}

export interface RanInside {
  readonly code: number | null;
  /** What stood on the terminal. */
  readonly terminal: string;
}

/**
 * A shell in the root and its cgroup, on a terminal of its own. It joins the cgroup from inside the root: what lies on no file system
 * under the gate, as this machine's chroot does, is refused there.
 */
export function runInside(root: GateRoot, command: string): Promise<RanInside> {
  const joined = "echo $$ >&9; exec 9>&-";
  const inside = `exec 9>${root.cgroup}/cgroup.procs; exec chroot ${root.path} /bin/sh -c '${joined}; ${command}'`;
  return new Promise((resolve, reject) => {
    const child = spawn("script", ["-qec", inside, "/dev/null"], { stdio: ["ignore", "pipe", "inherit"] });
    let terminal = "";
    child.stdout.on("data", (chunk: Buffer) => {
      terminal += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, terminal: terminal.replaceAll(/\r+\n/g, "\n") }));
  });
}
