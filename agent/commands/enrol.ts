import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { join, resolve } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import { parseToken } from "@provost/shared/protocol/greeting.ts";
import { checkConfig } from "../config.ts";
import { probe } from "../link/probe.ts";
import type { ProbeStep } from "../link/probe.ts";
import { proxyAddress } from "../link/proxy-address.ts";
import { readMeta } from "../state/state.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { setSettings, writeToken } from "./setup-files.ts";
import { findState } from "./state-reader.ts";
import { jsonLine } from "./terminal.ts";

export interface EnrolQuestion {
  readonly server: string;
  /** "-" or nothing: standard input. */
  readonly tokenFile?: string;
  readonly proxy?: string;
  readonly config?: string;
  /** Although this device is enrolled already. */
  readonly again?: boolean;
  /** Seconds to wait for the agent's session. */
  readonly wait?: number;
}

/** `provost enrol`: looks whether the server can be reached and is the token's, writes the settings, starts the agent, waits for it. */
export async function enrol(request: Request, asked: EnrolQuestion): Promise<ExitCode> {
  const { terminal, json } = request;
  const token = readToken(asked.tokenFile, request.cwd);
  if (parseToken(token) === undefined)
    throw new AppError("ENROL_REFUSED", "the enrolment token is not one: it is cut, or something else was given", {
      remedy: "take the line that the console shows: Devices, Add device",
    });
  const proxy = asked.proxy === undefined ? undefined : proxyAddress(asked.proxy);
  checkConfig({ folder: request.folder, server: asked.server }, "this device");
  requireNew(request, asked);
  const steps = await probe({
    url: asked.server,
    token,
    now: request.now(),
    ...(proxy === undefined ? {} : { proxy }),
  });
  if (!json) for (const step of steps) tellStep(request, step);
  // A clock that is wrong is said, and no reason to stay outside.
  const failed = steps.find(({ step, state }) => state === "fails" && step !== "clock");
  if (failed !== undefined) throw refusal(failed);
  const config = resolve(request.cwd, asked.config ?? "/etc/provost/agent.conf");
  const tokenFile = join(request.folder, "token");
  writeToken(tokenFile, token);
  setSettings(config, {
    server: asked.server,
    "token-file": tokenFile,
    ...(asked.proxy === undefined ? {} : { proxy: asked.proxy }),
  });
  const since = Math.floor(request.now() / 1000);
  const started = startAgent();
  if (!started && !json)
    terminal.note(
      `  Settings are in ${config}. Without systemd, start the agent as this machine starts its services: /usr/lib/provost/start`,
      "weak",
    );
  const device =
    started || asked.wait !== undefined
      ? await session(request, asked.server, (asked.wait ?? 60) * 1000, started ? since : undefined)
      : undefined;
  if (json)
    terminal.out(
      jsonLine({ enrolled: device !== undefined, device: device ?? null, server: asked.server, config, steps }),
    );
  else if (device !== undefined)
    terminal.out(`Enrolled as ${device} at ${asked.server}. It is in the console's list.`, "good");
  if (device === undefined && (started || asked.wait !== undefined))
    throw new AppError("SERVER_UNREACHABLE", `the agent was started and has no session after ${asked.wait ?? 60} s`, {
      remedy: "journalctl -u provost-agent -n 20 says why; a token works once and for 15 minutes",
    });
  return exitCodes.asWanted;
}

/** Standard input, so that a token is in no process list and no history. */
function readToken(file: string | undefined, cwd: string): string {
  if (file !== undefined && file !== "-") {
    try {
      return readFileSync(resolve(cwd, file), "utf8").trim();
    } catch (cause) {
      throw new AppError(
        "UNREADABLE",
        `--token-file: ${file} cannot be read (${cause instanceof Error ? cause.message : String(cause)})`,
        { cause },
      );
    }
  }
  if (process.stdin.isTTY) process.stderr.write("Paste the enrolment token and press Enter, then Ctrl-D: ");
  return readFileSync(0, "utf8").trim();
}

function requireNew({ folder }: Request, asked: EnrolQuestion): void {
  const found = findState(folder);
  if (found.kind === "closed") throw found.error;
  if (found.kind === "none") return;
  try {
    const device = readMeta(found.state, "device");
    if (device === undefined || asked.again === true) return;
    throw new AppError(
      "CONFIG_INVALID",
      `this device is enrolled already, as ${device} at ${readMeta(found.state, "server-url") ?? "a server"}`,
      {
        remedy:
          "a second agent on one machine would end the first one's sessions; to move it to this server: provost enrol --again ...",
      },
    );
  } finally {
    found.state.close();
  }
}

function tellStep({ terminal }: Request, { step, state, says, next }: ProbeStep): void {
  terminal.note(`  ${step.padEnd(10)} ${says}`, state === "holds" ? "good" : "bad");
  if (state === "fails" && step === "clock" && next !== undefined) terminal.note(`             ${next}`);
}

const refusal = ({ step, says, next }: ProbeStep): AppError =>
  new AppError(
    step === "token" ? "ENROL_REFUSED" : step === "greeting" ? "SERVER_NOT_TRUSTED" : "SERVER_UNREACHABLE",
    says,
    next === undefined ? {} : { remedy: next },
  );

function startAgent(): boolean {
  if (!existsSync("/run/systemd/system")) return false;
  spawnSync("systemctl", ["enable", "--quiet", "provost-agent.service"]);
  const done = spawnSync("systemctl", ["restart", "provost-agent.service"], { encoding: "utf8" });
  if (done.status === 0) return true;
  throw new AppError("CONFIG_INVALID", `the agent did not start: ${done.stderr.trim()}`, {
    remedy: "systemctl status provost-agent says why",
  });
}

/** Asking the journal takes a process: every two seconds is enough for whoever waits a minute. */
const looksPerJournal = 8;

function throwRefusal(since: number): void {
  const words = ["--unit=provost-agent.service", `--since=@${since}`, "--output=cat", "--quiet", "--no-pager"];
  const said = spawnSync("journalctl", words, { encoding: "utf8" }).stdout ?? "";
  const why = /ENROL_REFUSED: (.+)/.exec(said)?.[1];
  if (why !== undefined) throw new AppError("ENROL_REFUSED", safeText(why));
}

/** The device's name at that server, once the agent has it. */
async function session(
  { folder, terminal, stop }: Request,
  server: string,
  patienceMs: number,
  /** The agent that systemd started then says in the journal why it is not taken in. */
  since: number | undefined,
): Promise<string | undefined> {
  const end = Date.now() + patienceMs;
  for (let look = 1; Date.now() < end && !stop.aborted; look += 1) {
    if (since !== undefined && look % looksPerJournal === 0) throwRefusal(since);
    const found = findState(folder);
    if (found.kind === "open") {
      const device =
        readMeta(found.state, "server-url") === new URL(server).href ? readMeta(found.state, "device") : undefined;
      found.state.close();
      if (device !== undefined) return device;
    }
    terminal.progress("waiting for the agent's session …");
    await sleep(250);
  }
  terminal.progress(undefined);
  return undefined;
}
