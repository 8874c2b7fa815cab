import { readFileSync, statSync } from "node:fs";
import { defaultPolicy } from "@provost/shared/policy/default-policy.ts";
import type { GateMode } from "@provost/shared/model/gate.ts";
import type { Policy } from "@provost/shared/policy/rules.ts";

const lookEveryMs = 5000;
const mostBytes = 4 * 1024 * 1024;

export interface OwnerPolicy {
  readonly current: Policy;
  /** What the file's last reading failed with; the last good policy holds meanwhile. */
  readonly fault: string | undefined;
  close(): void;
}

/**
 * The owner's policy of this device, read again when its file changes. Without a file: the built-in one, in `mode`. A policy that
 * cannot be read is a fault and no rule: the last good one stays. Readers of YAML and conditions are loaded only where there is a file.
 */
export async function openOwnerPolicy(
  file: string | undefined,
  mode: GateMode,
  changed: (policy: OwnerPolicy) => void,
): Promise<OwnerPolicy> {
  const builtIn: Policy = { ...defaultPolicy, gate: { ...defaultPolicy.gate, mode } };
  const state = { current: builtIn, fault: undefined as string | undefined, close: () => undefined as void };
  if (file === undefined) return state;
  const { readPolicy } = await import("@provost/shared/policy/policy.ts");
  let seen = "";
  const look = (): boolean => {
    const now = stampOf(file);
    if (now === seen) return false;
    seen = now;
    const read = readFile(file, readPolicy);
    if (read.ok) Object.assign(state, { current: read.policy, fault: undefined });
    else state.fault = `the policy ${file} is not read: ${read.why}; what held before still holds`;
    return true;
  };
  look();
  const timer = setInterval(() => {
    if (look()) changed(state);
  }, lookEveryMs);
  state.close = () => clearInterval(timer);
  return state;
}

function stampOf(file: string): string {
  try {
    const { dev, ino, size, ctimeMs } = statSync(file);
    return `${dev}:${ino}:${size}:${ctimeMs}`;
  } catch (cause) {
    return `not there: ${cause instanceof Error && "code" in cause ? String(cause.code) : ""}`;
  }
}

type Reading = { readonly ok: true; readonly policy: Policy } | { readonly ok: false; readonly why: string };

function readFile(file: string, read: (yaml: string) => Reading): Reading {
  try {
    const { size } = statSync(file);
    if (size > mostBytes) return { ok: false, why: `it is longer than ${mostBytes} bytes` };
    return read(readFileSync(file, "utf8"));
  } catch (cause) {
    return { ok: false, why: cause instanceof Error ? cause.message : String(cause) };
  }
}
