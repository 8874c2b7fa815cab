import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { arch, hostname, release } from "node:os";
import { safeText } from "@provost/shared/lib/path-text.ts";
import type { Frame } from "@provost/shared/protocol/frames.ts";
import { productVersion } from "@provost/shared/protocol/version.ts";
import { append } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import { readMeta, writeMeta } from "../state/state.ts";

type Device = Extract<Frame, { kind: "device" }>;

/** What this machine is, told when it changed. Loads systeminformation, which is why only the scanning process calls it. */
export async function describeDevice(state: State): Promise<void> {
  const before = readMeta(state, "device-frame");
  const own = ownFacts();
  const frame: Device = {
    kind: "device",
    name: safeText(hostname()).slice(0, 255),
    os: osName(readText("/etc/os-release") ?? ""),
    kernel: release(),
    arch: arch() === "x64" ? "amd64" : arch(),
    ...gateNow(state),
    facts: { ...(hardwareOf(before, own) ?? (await hardwareFacts())), ...own, ...sensorFacts(state) },
  };
  if (before === JSON.stringify(frame)) return;
  state
    .transaction(() => {
      writeMeta(state, "device-frame", JSON.stringify(frame));
      append(state, frame);
    })
    .immediate();
}

/** What the gate is on this device now; kept so that the scanning process, which tells of the device, knows it too. */
export interface GateNow {
  readonly mode: Device["mode"];
  readonly tier: Device["tier"];
  readonly groups?: Device["groups"];
  readonly policy?: Device["policy"];
  /** "sensor", "sensor limits". */
  readonly facts: Readonly<Record<string, string>>;
}

/** Without a kernel sensor /proc is read and nothing is stopped. */
const noSensor: GateNow = { mode: "record", tier: "P", facts: {} };

const heldGate = (state: State): GateNow => {
  const held = readMeta(state, "gate");
  return held === undefined ? noSensor : (JSON.parse(held) as GateNow);
};
export const gateNow = (state: State): Omit<GateNow, "facts"> => {
  const { facts: _facts, ...now } = heldGate(state);
  return now;
};
const sensorFacts = (state: State): GateNow["facts"] => heldGate(state).facts;

/** Keeps it, and tells the device again where that changes what was told of it. */
export function tellGate(state: State, now: GateNow): void {
  state
    .transaction(() => {
      writeMeta(state, "gate", JSON.stringify(now));
      const before = readMeta(state, "device-frame");
      if (before === undefined) return;
      const { facts, ...gate } = now;
      const told = JSON.parse(before) as Device;
      const rest = Object.entries(told.facts).filter(([name]) => name !== "sensor" && name !== "sensor limits");
      const frame: Device = { ...told, ...gate, facts: { ...Object.fromEntries(rest), ...facts } };
      if (before === JSON.stringify(frame)) return;
      writeMeta(state, "device-frame", JSON.stringify(frame));
      append(state, frame);
    })
    .immediate();
}

/** Again, for a server that starts anew. The caller holds the transaction. */
export function retellDevice(state: State): void {
  const held = readMeta(state, "device-frame");
  if (held !== undefined) append(state, JSON.parse(held) as Device);
}

export const osName = (osRelease: string): string =>
  safeText(/^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? "Linux").slice(0, 200);

function ownFacts(): Record<string, string> {
  const machine = readText("/etc/machine-id")?.trim();
  return {
    "agent version": productVersion,
    user: process.getuid?.() === 0 ? "root" : `uid ${process.getuid?.() ?? "unknown"}`,
    boot: readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "unknown",
    // machine-id(5) asks not to publish the id itself.
    ...(machine === undefined || machine === ""
      ? {}
      : { machine: createHash("sha256").update(`provost:${machine}`).digest("hex").slice(0, 32) }),
  };
}

/** What was told of the machine since it booted stays true; asking it again takes a fifth of a second. */
function hardwareOf(
  before: string | undefined,
  own: Readonly<Record<string, string>>,
): Record<string, string> | undefined {
  const facts = before === undefined ? undefined : (JSON.parse(before) as Device).facts;
  if (facts === undefined || facts["boot"] === "unknown" || facts["model"] === undefined) return undefined;
  return facts["boot"] === own["boot"] && facts["agent version"] === own["agent version"] ? facts : undefined;
}

async function hardwareFacts(): Promise<Record<string, string>> {
  try {
    const { default: si } = await import("systeminformation");
    const [system, cpu, memory] = await Promise.all([si.system(), si.cpu(), si.mem()]);
    return {
      model: safeText(`${system.manufacturer} ${system.model}`.trim() || "unknown").slice(0, 200),
      virtual: system.virtual ? "yes" : "no",
      processor: safeText(`${cpu.manufacturer} ${cpu.brand}`.trim()).slice(0, 200),
      cores: String(cpu.cores),
      memory: `${Math.round(memory.total / 1024 ** 3)} GiB`,
    };
  } catch {
    return {};
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
