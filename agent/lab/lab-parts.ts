import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { LabRoot } from "./lab-root.ts";

/** The throw-away server, sensor and agent around a lab's root. */
export interface LabParts {
  readonly api: (path: string) => Promise<unknown>;
  stop(): Promise<void>;
}

export interface LabPrograms {
  readonly server: string;
  readonly sensor: string;
  readonly agent: string;
}

/** What the first pass met is known to gate and telemetry a moment later. */
const knownMs = 3000;

const here = dirname(fileURLToPath(import.meta.url));

/** Where they lie beside this program: in a checkout, or as installed. Throws NOT_FOUND naming what is missing. */
export function findPrograms(server: string | undefined): LabPrograms {
  const find = (what: string, places: readonly string[], remedy: string): string => {
    const found = places.find((place) => existsSync(place));
    if (found === undefined) throw new AppError("NOT_FOUND", `the lab needs ${what}, and it is not there`, { remedy });
    return found;
  };
  const tops = [join(here, "../../dist"), join(here, ".."), "/usr/lib/provost"];
  return {
    server: find(
      "the server's program",
      server === undefined
        ? [...tops.map((top) => join(top, "server/main.js")), "/usr/lib/provost-server/server/main.js"]
        : [server],
      "npm run build in a checkout, or name it with --server-program",
    ),
    sensor: find(
      "provost-sensor",
      [...tops.map((top) => join(top, "sensor/provost-sensor")), "/usr/lib/provost/provost-sensor"],
      "npm run sensor in a checkout, or install the package provost",
    ),
    agent: find(
      "the agent's program",
      tops.map((top) => join(top, "agent/main.js")),
      "npm run build",
    ),
  };
}

export async function startParts(
  root: LabRoot,
  programs: LabPrograms,
  settings: { readonly policy?: string; readonly rules?: string; readonly respond: string; readonly mode: string },
): Promise<LabParts> {
  const children: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) await ended(child);
  };
  try {
    const server = fork(programs.server, [], {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      env: {
        ...process.env,
        PROVOST_CONFIG: "",
        PROVOST_SERVER_STATE: join(root.scratch, "server"),
        PROVOST_PORT: "0",
        PROVOST_TLS: "off",
        PROVOST_REGISTRIES: "off",
        PROVOST_TRUST_ROOTS: "off",
        PROVOST_RESPOND: settings.respond,
        ...(settings.rules === undefined ? {} : { PROVOST_RULES: settings.rules }),
      },
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    children.push(server);
    const ready = await message<{
      readonly signIn: string;
      readonly agentUrl: string;
      readonly token: string;
      readonly address: string;
    }>(server, "server", "ready");
    const state = join(root.scratch, "sensor");
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const socket = join(root.scratch, "sensor.sock");
    const sensor = spawn(
      programs.sensor,
      ["--socket", socket, "--state", state, "--scope", root.path, "--scope-cgroup", root.cgroup],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    children.push(sensor);
    await said(sensor, /^provost-sensor: ready at /m);
    const agent = fork(programs.agent, [], {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    children.push(agent);
    agent.send({
      folder: join(root.scratch, "agent"),
      control: join(root.scratch, "control"),
      server: ready.agentUrl,
      token: ready.token,
      name: "lab",
      sensor: socket,
      sensorProgram: programs.sensor,
      excluded: allBut(root.scratch),
      mode: settings.mode,
      ...(settings.policy === undefined ? {} : { policy: settings.policy }),
    });
    await message(agent, "agent", "scanned");
    await pause(knownMs);
    const cookie = await signIn(ready.signIn);
    return {
      stop,
      async api(path) {
        const answer = await fetch(`${ready.address}${path}`, { headers: { cookie, accept: "application/json" } });
        if (!answer.ok)
          throw new AppError("SERVER_UNREACHABLE", `the lab's server answered ${path} with ${answer.status}`);
        return answer.json();
      },
    };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

async function signIn(link: string): Promise<string> {
  const answer = await fetch(link, { redirect: "manual" });
  const cookie = answer.headers.get("set-cookie")?.split(";")[0];
  if (cookie === undefined) throw new AppError("SESSION_REFUSED", "the lab's server did not let the lab sign in");
  return cookie;
}

/** The first message of this kind; a failure, or an end before it, rejects. */
function message<T>(child: ChildProcess, who: string, kind: string): Promise<T> {
  return new Promise((resolve, reject) => {
    child.on("message", (told: { readonly kind: string; readonly code?: string; readonly why?: string }) => {
      if (told.kind === kind) resolve(told as T);
      else if (told.kind === "failed")
        reject(new AppError("SCAN_FAILED", `the lab's ${who} failed: ${told.code}: ${told.why}`));
    });
    child.once("exit", (code) => reject(new AppError("SCAN_FAILED", `the lab's ${who} ended with ${code}`)));
  });
}

function said(child: ChildProcess, wanted: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-65_536);
      if (wanted.test(text)) resolve();
    });
    child.once("exit", (code) =>
      reject(new AppError("SCAN_FAILED", `the lab's sensor ended with ${code}: ${text.slice(-500)}`)),
    );
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill("SIGKILL"), 5000);
    child.once("exit", () => {
      clearTimeout(force);
      resolve();
    });
    child.kill("SIGTERM");
  });
}

/** Every folder that is not on the way to this one. */
function allBut(path: string): readonly string[] {
  const beside: string[] = [];
  for (let at = path; at !== "/"; at = dirname(at))
    for (const name of readdirSync(dirname(at))) {
      const one = join(dirname(at), name);
      if (one !== at) beside.push(one);
    }
  return beside;
}
