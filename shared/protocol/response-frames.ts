import * as z from "zod";
import { commandStates } from "../model/command.ts";
import { count, digest, text } from "./fields.ts";

/** What a device tells of commands it was given. In the lane that is never dropped. */

const Step = z.object({
  step: text(60),
  state: z.enum(["planned", "started", "done", "verified", "undone", "failed", "skipped"]),
  says: text(1000),
});

/** Where a command stands. Each change is one frame; the newest wins, and an end is never left. */
export const ReportFrame = z.object({
  kind: z.literal("report"),
  command: text(60),
  state: z.enum(commandStates),
  why: text(2000).optional(),
  steps: z.array(Step).max(64),
  at: count,
  /** The device's own audit: sequence and hash of the entry that says so. */
  entry: z.object({ sequence: count, hash: digest }).optional(),
});

export type ReportFrame = z.infer<typeof ReportFrame>;
