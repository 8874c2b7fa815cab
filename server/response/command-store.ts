import type { ActionName, Command, CommandState, StepReport } from "@provost/shared/model/command.ts";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import type { ReportFrame } from "@provost/shared/protocol/frames.ts";
import type { infer as Infer } from "zod";
import type { Answer, Api } from "@provost/shared/protocol/api.ts";

export interface SignedCommand {
  /** Canonical JSON of the Command: what is signed and what the device reads. */
  readonly body: string;
  readonly signature: string;
}

export interface StoredCommand {
  readonly command: Command;
  readonly signed: SignedCommand;
  readonly state: CommandState;
  readonly why: string | undefined;
  readonly steps: readonly StepReport[];
  readonly changedAt: number;
}

/** Commands and what became of them. A state only moves forward; an end is never left but by being undone. */
export interface CommandStore {
  add(command: Command, signed: SignedCommand): void;
  one(id: string): StoredCommand | undefined;
  /** Issued, not expired, and not yet taken: what the device is to be sent, in the order of issue. */
  waiting(device: DeviceId, now: number): readonly SignedCommand[];
  countWaiting(device: DeviceId): number;
  /** From `issued` only. */
  cancel(id: string, why: string, now: number): boolean;
  /** Commands that nobody took in time. Returns how many ended. */
  expire(now: number): number;
  /** What the device says. False: it changes nothing, or speaks of another device's command. */
  report(device: DeviceId, report: ReportFrame, now: number): boolean;
  /** What this device was ordered for this incident and stands verified: it looked, and it is so. */
  verified(incident: string, device: DeviceId): readonly ActionName[];
  /** Orders to block or quarantine these bytes that may hold somewhere: neither ended nor undone, nor about to be. */
  holding(sha256: Sha256): readonly { readonly id: string; readonly device: DeviceId; readonly state: CommandState }[];
  commands(query: Infer<Api["commands"]["query"]>): Answer<"commands">;
}

const order: Readonly<Record<CommandState, number>> = {
  issued: 0,
  accepted: 1,
  executed: 2,
  verified: 3,
  reverted: 4,
  refused: 5,
  failed: 5,
  expired: 5,
  cancelled: 5,
};

/** Whether a command may go from one state to the other. What was carried out can fail to be verified, and can be undone. */
export function mayFollow(before: CommandState, after: CommandState): boolean {
  if (before === after) return before === "accepted" || before === "executed";
  if (after === "cancelled" || after === "expired" || after === "issued") return before === "issued";
  if (after === "refused") return before === "issued" || before === "accepted";
  if (after === "failed") return before === "accepted" || before === "executed";
  if (after === "reverted") return before === "executed" || before === "verified" || before === "failed";
  return order[before] < 3 && order[after] > order[before];
}
