import type { GateMode } from "@provost/shared/model/gate.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { PolicySource } from "@provost/shared/model/published-policy.ts";

/** The owner's rules as somebody published them. */
export interface StoredPolicy {
  /** The policy's own number; each is published once, and numbers only grow. */
  readonly number: number;
  readonly yaml: string;
  readonly at: number;
  readonly by: string;
  readonly why: string;
}

/** What devices are sent: the newest is the server's word. */
export interface StoredIssue {
  readonly issue: number;
  readonly policy: number;
  /** Canonical JSON of a PublishedPolicy, and the signature over it. */
  readonly body: string;
  readonly signature: string;
}

/** A ring that stopped too much and went back by itself, until a person turns it on again or publishes another policy. */
export interface StepBack {
  readonly policy: number;
  readonly group: string;
  readonly from: GateMode;
  readonly to: GateMode;
  readonly at: number;
  readonly why: string;
}

/** What a device last said about its own gate. */
export interface DeviceGate {
  readonly device: DeviceId;
  readonly name: string;
  readonly mode: GateMode;
  readonly groups: readonly string[];
  readonly policy:
    | {
        readonly number: number;
        readonly from: PolicySource;
        readonly issue?: number | undefined;
        readonly fault?: string | undefined;
      }
    | undefined;
}

/** Calls inside `Inventory.transaction` are durable with it. */
export interface PolicyStore {
  add(policy: StoredPolicy): void;
  newest(): StoredPolicy | undefined;
  one(number: number): StoredPolicy | undefined;
  /** The newest first. */
  policies(limit: number): readonly StoredPolicy[];
  addIssue(issue: StoredIssue): void;
  issue(): StoredIssue | undefined;
  /** Those that still hold. */
  stepsBack(policy: number): readonly StepBack[];
  /** All of them, the newest first. */
  allStepsBack(policy: number): readonly (StepBack & { readonly endedAt?: number; readonly endedBy?: string })[];
  addStepBack(step: StepBack): void;
  /** False: that ring has not stepped back. */
  endStepBack(policy: number, group: string, by: string, at: number): boolean;
  gates(): readonly DeviceGate[];
  gate(device: DeviceId): DeviceGate | undefined;
  /** How many different files each device's gate kept from starting since then; what evidence or an order speaks against does not count. */
  stoppedFiles(since: number): ReadonlyMap<DeviceId, number>;
}
