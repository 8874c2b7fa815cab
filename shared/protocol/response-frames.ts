import * as z from "zod";
import { commandStates } from "../model/command.ts";
import { base64, count, digest, text } from "./fields.ts";
import { limits } from "./limits.ts";

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

/** A piece of what a device collected for an order. `sha256` and `bytes` are the whole bundle's; pieces count from 0. */
export const TriageFrame = z.object({
  kind: z.literal("triage"),
  command: text(60),
  sha256: digest,
  bytes: count,
  piece: count.max(limits.triagePieces - 1),
  pieces: count.min(1).max(limits.triagePieces),
  data: base64(limits.triagePieceCharacters),
});

export type TriageFrame = z.infer<typeof TriageFrame>;
export type ReportFrame = z.infer<typeof ReportFrame>;
