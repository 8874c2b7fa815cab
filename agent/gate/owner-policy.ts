import { readFileSync, statSync } from "node:fs";
import { defaultPolicy } from "@provost/shared/policy/default-policy.ts";
import { withStepsBack } from "@provost/shared/policy/gate.ts";
import type { GateMode } from "@provost/shared/model/gate.ts";
import type { PolicySource, PublishedPolicy } from "@provost/shared/model/published-policy.ts";
import type { Policy } from "@provost/shared/policy/rules.ts";

const lookEveryMs = 5000;
const mostBytes = 4 * 1024 * 1024;

export interface OwnerPolicy {
  readonly current: Policy;
  /** Whose word it is, and the server's issue of it. */
  readonly from: PolicySource;
  readonly issue: number | undefined;
  /** What the last reading failed with; the last good policy holds meanwhile. */
  readonly fault: string | undefined;
  /** The server said something new of its policy. */
  published(): Promise<void>;
  close(): void;
}

/** What the server has said of its policy, as this device keeps it. */
export interface ServerWord {
  newest(): PublishedPolicy | undefined;
  /** The newest that could be read. */
  lastRead(): PublishedPolicy | undefined;
  wasRead(): void;
}

type Reader = (yaml: string) => Reading;
/** Readers of YAML and conditions are some megabytes: loaded only where there is something to read. */
const reader = async (): Promise<Reader> => (await import("@provost/shared/policy/policy.ts")).readPolicy;

/**
 * The policy that rules this device's gate: the owner's file where one is set, read again when it changes; else the server's, where it
 * has published one; else the built-in one, in `mode`. A policy that cannot be read is a fault and no rule: the last good one stays.
 */
export async function openOwnerPolicy(
  file: string | undefined,
  mode: GateMode,
  server: ServerWord,
  changed: (policy: OwnerPolicy) => void,
): Promise<OwnerPolicy> {
  const builtIn: Policy = { ...defaultPolicy, gate: { ...defaultPolicy.gate, mode } };
  const state = {
    current: builtIn,
    from: "built-in" as PolicySource,
    issue: undefined as number | undefined,
    fault: undefined as string | undefined,
    published: (): Promise<void> => Promise.resolve(),
    close: () => undefined as void,
  };
  return file === undefined ? followServer(state, server, changed) : followFile(state, file, changed);
}

type Held = { -readonly [Name in keyof OwnerPolicy]: OwnerPolicy[Name] };

async function followFile(held: Held, file: string, changed: (policy: OwnerPolicy) => void): Promise<OwnerPolicy> {
  const read = await reader();
  let seen = "";
  const look = (): boolean => {
    const now = stampOf(file);
    if (now === seen) return false;
    seen = now;
    const reading = readFile(file, read);
    if (reading.ok) Object.assign(held, { current: reading.policy, from: "file", fault: undefined });
    else held.fault = `the policy ${file} is not read: ${reading.why}; what held before still holds`;
    return true;
  };
  look();
  const timer = setInterval(() => {
    if (look()) changed(held);
  }, lookEveryMs);
  held.close = () => clearInterval(timer);
  return held;
}

async function followServer(
  held: Held,
  server: ServerWord,
  changed: (policy: OwnerPolicy) => void,
): Promise<OwnerPolicy> {
  /** Returns why it cannot be read. */
  const use = async ({ issue, yaml, steppedBack }: PublishedPolicy): Promise<string | undefined> => {
    const reading = (await reader())(yaml);
    if (!reading.ok) return reading.why;
    const current = { ...reading.policy, gate: withStepsBack(reading.policy.gate, steppedBack) };
    Object.assign(held, { current, from: "server", issue, fault: undefined });
    return undefined;
  };
  const look = async (): Promise<boolean> => {
    const newest = server.newest();
    if (newest === undefined || newest.issue === held.issue) return false;
    const why = await use(newest);
    if (why === undefined) {
      server.wasRead();
      return true;
    }
    const before = held.from === "server" ? undefined : server.lastRead();
    if (before !== undefined) await use(before);
    held.fault = `the server's policy (issue ${newest.issue}) is not read: ${why}; what held before still holds`;
    return true;
  };
  await look();
  held.published = async () => {
    if (await look()) changed(held);
  };
  return held;
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

function readFile(file: string, read: Reader): Reading {
  try {
    const { size } = statSync(file);
    if (size > mostBytes) return { ok: false, why: `it is longer than ${mostBytes} bytes` };
    return read(readFileSync(file, "utf8"));
  } catch (cause) {
    return { ok: false, why: cause instanceof Error ? cause.message : String(cause) };
  }
}
