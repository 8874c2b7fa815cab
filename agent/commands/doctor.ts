import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { checkConfig } from "../config.ts";
import { findings, type Kernel, type Finding } from "../gate/diagnosis.ts";
import type { GateStatus } from "../gate/control-words.ts";
import { tierLimits } from "../gate/sensor-words.ts";
import { proxyAddress } from "../link/proxy-address.ts";
import type { ProbeStep } from "../link/probe.ts";
import { agentSettingsFrom } from "../settings.ts";
import { readMeta } from "../state/state.ts";
import { askAgentIfAny, controlOf } from "./ask-agent.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { findState } from "./state-reader.ts";
import { jsonLine } from "./terminal.ts";

export interface DoctorQuestion {
  /** Before this device is enrolled. */
  readonly server?: string;
  readonly tokenFile?: string;
  readonly proxy?: string;
}

interface Way {
  readonly url: string;
  readonly steps: readonly ProbeStep[];
}

/** `provost doctor`: is the gate there, what can it not do on this machine, and what to do about it. */
export async function doctor(request: Request, asked: DoctorQuestion = {}): Promise<ExitCode> {
  const answer = await askAgentIfAny(request, { ask: "status" });
  const status = answer?.ok === true && "status" in answer ? answer.status : undefined;
  const kernel = kernelNow();
  const found = findings(kernel, status);
  const way = await wayToServer(request, asked);
  const tier = status?.tier ?? "P";
  if (request.json)
    request.terminal.out(
      jsonLine({
        tier,
        limits: tierLimits[tier],
        control: controlOf(request),
        agent: status ?? null,
        kernel,
        findings: found,
        server: way ?? null,
      }),
    );
  else {
    tell(request, status, found);
    tellWay(request, way);
  }
  const wrong =
    found.some(({ severity }) => severity === "fault") || way?.steps.some(({ state }) => state === "fails") === true;
  return wrong ? exitCodes.partial : exitCodes.asWanted;
}

function tell({ terminal }: Request, status: GateStatus | undefined, found: readonly Finding[]): void {
  const tier = status?.tier ?? "P";
  terminal.out(`Tier ${tier}, mode ${status?.mode ?? "record"}`, "head");
  terminal.out(`  Sensor   ${sensorLine(status)}`);
  terminal.out(`  Does     ${status === undefined || status.parts.length === 0 ? "nothing" : status.parts.join(", ")}`);
  terminal.out(`  Limits   ${tierLimits[tier]}`);
  if (status !== undefined)
    terminal.out(
      `  Policy   ${status.policy === 0 ? "the built-in one" : `${status.policy}${sourceWords[status.policyFrom ?? "file"]}`}`,
    );
  for (const { severity, says, todo } of found) {
    terminal.out(`  ${severity === "fault" ? "Fault " : "Note  "}   ${says}`, severity === "fault" ? "bad" : "weak");
    if (todo !== undefined) terminal.out(`             ${todo}`);
  }
  if (found.length === 0) terminal.out("  Nothing is wrong.", "good");
}

/** The server that is named, else the one of the settings: everything up to the greeting, and no token is used up. */
async function wayToServer(request: Request, asked: DoctorQuestion): Promise<Way | undefined> {
  const { folder, env, cwd } = request;
  const values = asked.server === undefined ? settingsOf(env) : undefined;
  const url = asked.server ?? values?.get("server") ?? readState(folder, "server-url");
  if (typeof url !== "string") return undefined;
  const proxy = asked.proxy ?? values?.get("proxy");
  const token = asked.tokenFile === undefined ? undefined : readText(resolve(cwd, asked.tokenFile))?.trim();
  const pinned = asked.server === undefined ? readState(folder, "server-key") : undefined;
  const { probe } = await import("../link/probe.ts");
  const steps = await probe({
    url: checkConfig({ folder: "/", server: url }, "this device").server ?? url,
    now: request.now(),
    ...(typeof proxy === "string" ? { proxy: proxyAddress(proxy) } : {}),
    ...(token === undefined ? {} : { token }),
    ...(pinned === undefined ? {} : { pinnedServerKey: pinned }),
  });
  return { url, steps };
}

/** Settings that this user may not read, or that are wrong, are `config check`'s to tell. */
function settingsOf(env: Request["env"]): ReadonlyMap<string, string | readonly string[]> | undefined {
  try {
    return agentSettingsFrom([], env).values;
  } catch {
    return undefined;
  }
}

function readState(folder: string, key: "server-url" | "server-key"): string | undefined {
  const found = findState(folder);
  if (found.kind !== "open") return undefined;
  try {
    return readMeta(found.state, key);
  } finally {
    found.state.close();
  }
}

function tellWay({ terminal }: Request, way: Way | undefined): void {
  if (way === undefined)
    return terminal.out("  Server   none is set; before enrolling: provost doctor --server ADDRESS", "weak");
  terminal.out(`  Server   ${way.url}`);
  for (const { step, state, says, next } of way.steps) {
    terminal.out(`    ${step.padEnd(10)} ${says}`, state === "holds" ? "good" : "bad");
    if (next !== undefined) terminal.out(`               ${next}`);
  }
}

function sensorLine(status: GateStatus | undefined): string {
  if (status === undefined) return "no agent with a gate answers here";
  return `${status.sensor}${status.release === undefined || status.release === "" ? "" : ` (${status.release})`}`;
}

/** What this user can see of what a sensor needs from the kernel. */
function kernelNow(): Kernel {
  return {
    release: readText("/proc/sys/kernel/osrelease")?.trim() ?? "unknown",
    btf: existsSync("/sys/kernel/btf/vmlinux"),
    tracefs: existsSync("/sys/kernel/tracing/events") || existsSync("/sys/kernel/debug/tracing/events"),
    bpffs: isMounted("bpf"),
    cgroup2: isMounted("cgroup2"),
    lsm: readText("/sys/kernel/security/lsm")?.trim().split(",") ?? [],
    root: process.getuid?.() === 0,
    capabilities: capabilities(),
    sensorProgram: sensorPrograms.find(isExecutable) ?? null,
  };
}

const sensorPrograms = ["/usr/lib/provost/provost-sensor", `${import.meta.dirname}/../../dist/sensor/provost-sensor`];

const isMounted = (type: string): boolean =>
  (readText("/proc/self/mounts") ?? "").split("\n").some((line) => line.split(" ")[2] === type);

/** capabilities(7): the effective set of this process, 64 bits. */
const capabilities = (): string => /^CapEff:\s+([0-9a-f]+)$/m.exec(readText("/proc/self/status") ?? "")?.[1] ?? "0";

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

const sourceWords = { file: ", from a file on this device", server: ", from the server", "built-in": "" } as const;
