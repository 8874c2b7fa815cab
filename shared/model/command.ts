import type { DeviceId, Sha256 } from "./ids.ts";
import type { ProcessKey } from "./detection.ts";

/**
 * What a server may order a device to do. An action is what a person chooses; the device plans it into Steps, each one primitive
 * change with its undo (shared/actions). A command is one action, signed for one device.
 */

export type ActionOrder =
  | { readonly action: "kill-process-tree"; readonly process: ProcessKey; readonly executable: string }
  | { readonly action: "quarantine-file"; readonly root: string; readonly path: string; readonly sha256: Sha256 }
  /** `expires`: milliseconds since 1970; absent: until it is undone. */
  | { readonly action: "block-digest"; readonly sha256: Sha256; readonly expires?: number }
  | { readonly action: "allow-digest"; readonly sha256: Sha256; readonly code: string; readonly expires: number }
  /** Addresses ("192.0.2.1", "2001:db8::/32") that stay reachable beside the server and loopback. */
  | { readonly action: "isolate-host"; readonly except: readonly string[] }
  /** What an investigator wants to see of the device, and of a process and what is around it where one is named. Changes nothing. */
  | { readonly action: "collect-triage"; readonly process?: ProcessKey; readonly executable?: string }
  /** Undoes an executed command in reverse order of its steps. */
  | { readonly action: "undo"; readonly command: string };
export type ActionName = ActionOrder["action"];
export const actionNames = [
  "kill-process-tree",
  "quarantine-file",
  "block-digest",
  "allow-digest",
  "isolate-host",
  "collect-triage",
  "undo",
] as const satisfies readonly ActionName[];

/** What is signed: canonical JSON of this, by the server's key (context "provost command v1"). */
export interface Command {
  readonly id: string;
  readonly device: DeviceId;
  readonly order: ActionOrder;
  readonly reason: string;
  /** A person's name, or "policy NAME" where a policy ordered it. */
  readonly by: string;
  /** The incident it belongs to, where it does. */
  readonly incident?: string;
  readonly issuedAt: number;
  /** The device takes it until then; what was taken is finished. */
  readonly expires: number;
  readonly nonce: string;
  /** A person confirmed what waits for a person: bytes that something vouches for. */
  readonly confirmed?: boolean;
}

export const commandContext = "provost command v1";

/**
 * A command's life. `issued`: waits for its device; `accepted`: the device took it and wrote it to its journal; `executed`: every step is
 * done; `verified`: the device looked afterwards and it is so; `reverted`: undone and verified. `refused`, `failed`, `expired` and
 * `cancelled` end it. From `issued` it can be cancelled; later only undone.
 */
export const commandStates = [
  "issued",
  "accepted",
  "executed",
  "verified",
  "reverted",
  "refused",
  "failed",
  "expired",
  "cancelled",
] as const;
export type CommandState = (typeof commandStates)[number];

/** What came of one step, as the device reports it. */
export interface StepReport {
  /** "freeze-processes", "kill-processes", "seal-file", ...: the closed list of shared/actions/step.ts. */
  readonly step: string;
  readonly state: "planned" | "started" | "done" | "verified" | "undone" | "failed" | "skipped";
  readonly says: string;
}
