import * as z from "zod";
import { auditKinds } from "../model/audit-kinds.ts";
import { actionNames, commandStates } from "../model/command.ts";
import { gateModes } from "../model/gate.ts";
import { many, page, paging } from "./paging.ts";

/** What people may order, decide and read back: commands, approvals, policies, the audit. */

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.number().int().nonnegative();
const text = (max: number) => z.string().max(max);
const ProcessKeyView = z.object({ pid: z.number().int().min(1), startedAt: text(30).regex(/^\d+$/) });

export const Order = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("kill-process-tree"), process: ProcessKeyView, executable: text(16384) }),
  z.strictObject({ action: z.literal("quarantine-file"), root: text(16384), path: text(16384), sha256: digest }),
  z.strictObject({ action: z.literal("block-digest"), sha256: digest, expires: time.optional() }),
  z.strictObject({
    action: z.literal("allow-digest"),
    sha256: digest,
    code: z.string().regex(/^[0-9a-f]{6,12}$/),
    expires: time,
  }),
  z.strictObject({ action: z.literal("isolate-host"), except: z.array(text(100)).max(64) }),
  z.strictObject({
    action: z.literal("collect-triage"),
    process: ProcessKeyView.optional(),
    executable: text(16384).optional(),
  }),
  z.strictObject({ action: z.literal("undo"), command: text(60) }),
]);

export const StepView = z.object({
  step: text(60),
  state: z.enum(["planned", "started", "done", "verified", "undone", "failed", "skipped"]),
  says: text(1000),
});

export const CommandRow = z.object({
  id: text(60),
  device: z.string(),
  deviceName: text(255),
  action: z.enum(actionNames),
  /** "Kill /tmp/x (4711) and what it started". */
  says: text(1000),
  order: Order,
  state: z.enum(commandStates),
  /** Why it was refused or failed, or what the device saw when it verified. */
  why: text(2000).optional(),
  reason: text(1000),
  by: text(200),
  incident: text(60).optional(),
  issuedAt: time,
  changedAt: time,
  expires: time,
  steps: z.array(StepView),
  /** What a device collected, once the server keeps all of it: its bytes are at /api/v1/triage/:id. */
  bundle: z.object({ sha256: digest, bytes: z.number().int() }).optional(),
  canCancel: z.boolean(),
  canUndo: z.boolean(),
});

/** Where an order goes. `fleet` makes one command for each device that there is now. */
export const Scope = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("device"), device: text(60) }),
  z.strictObject({ kind: z.literal("fleet") }),
]);
export const NewCommand = z.strictObject({
  scope: Scope,
  order: Order,
  reason: text(1000).min(1),
  incident: text(60).optional(),
  /** A person confirmed what the preview warned of. */
  confirmed: z.boolean().optional(),
});
/** What an order would do: shown before anybody confirms. */
export const CommandPreview = z.object({
  says: text(1000),
  steps: z.array(z.object({ step: text(60), says: text(1000), undo: text(1000).optional() })),
  devices: z.number().int(),
  /** Each needs `confirmed`: "this digest runs on 40 % of the fleet", "this file belongs to the base system". */
  warnings: z.array(text(1000)),
  /** The device would refuse it whatever is confirmed. */
  refused: text(1000).optional(),
});
export const CommandQuery = z.object({
  ...paging,
  device: text(60).optional(),
  incident: text(60).optional(),
  /** Orders about files with this digest: quarantined, blocked or allowed. */
  digest: digest.optional(),
  state: many(commandStates),
  sort: z.enum(["-issuedAt", "issuedAt"]).default("-issuedAt"),
});
export const Commands = page(CommandRow);
export const IssuedCommands = z.object({ commands: z.array(CommandRow) });

/** Decides what a device's person asked for (`requests`). Approving restores what was quarantined and lets exactly these bytes run. */
export const DecideRequest = z.strictObject({
  approve: z.boolean(),
  reason: text(1000).min(1),
  scope: z.enum(["device", "fleet"]),
  hours: z
    .number()
    .int()
    .min(1)
    .max(24 * 90),
});

/** The orders that follow from it, in the order in which they are sent. */
export const DecidedRequest = z.object({ commands: z.array(text(60)) });

export const PolicyRow = z.object({
  number: z.number().int(),
  by: text(200),
  at: time,
  why: text(1000),
  /** The newest that is published to devices. */
  current: z.boolean(),
  devices: z.number().int(),
});
export const PolicyDetail = PolicyRow.extend({
  yaml: text(1024 * 1024),
  rings: z.array(z.object({ group: text(100), mode: z.enum([...gateModes, "quarantine"]) })),
  /** Rings that stepped back by themselves, and why. */
  steppedBack: z.array(z.object({ group: text(100), from: text(20), to: text(20), at: time, why: text(1000) })),
});
export const DraftPolicy = z.strictObject({
  yaml: text(1024 * 1024),
  days: z.number().int().min(1).max(90).default(14),
});
/** What a draft would have done to what really ran. */
export const Rehearsal = z.object({
  ok: z.boolean(),
  /** The fault and its place, where the draft cannot be read. */
  why: text(2000).optional(),
  from: time,
  to: time,
  executions: z.number().int(),
  devices: z.number().int(),
  counts: z.record(z.string(), z.number().int()),
  /** What it would have stopped, most often first; 200 at most. */
  stopped: z.array(
    z.object({
      path: text(16384),
      digest: digest.optional(),
      action: text(20),
      why: text(2000),
      times: z.number().int(),
      devices: z.number().int(),
      deviceNames: z.array(text(255)).max(5),
    }),
  ),
  /** Against the policy that holds now. */
  changed: z.array(
    z.object({
      path: text(16384),
      digest: digest.optional(),
      before: text(20),
      after: text(20),
      times: z.number().int(),
    }),
  ),
});
export const PublishPolicy = z.strictObject({
  yaml: text(1024 * 1024),
  why: text(1000).min(1),
  /** The rehearsal's own count of stopped executions, read back: nobody turns a ring on unseen. */
  seenStopped: z.number().int(),
});

export const AuditRow = z.object({
  sequence: z.number().int(),
  at: time,
  kind: z.enum(auditKinds),
  by: text(200),
  says: text(2000),
  facts: z.record(z.string(), z.string()),
  /** SHA-256 over the entry before and this one (shared/lib/chain.ts). */
  hash: digest,
});
/** What the server finds when it reads its audit again. A file that was exported is verified without it. */
export const AuditChain = z.object({
  whole: z.boolean(),
  entries: z.number().int(),
  last: digest,
  broken: z.object({ sequence: z.number().int(), why: text(2000) }).optional(),
  /** The name of the key that signs exports: SHA-256 of its DER bytes, base64url. */
  key: text(43),
});
/** What a Date can be. */
const moment = z.coerce.number().int().min(0).max(8_640_000_000_000_000);
const span = { from: moment.optional(), to: moment.optional() };
/** Milliseconds since 1970; absent: from the first entry, to the last. */
export const AuditExportQuery = z.object(span);
export const AuditQuery = z.object({
  ...paging,
  q: text(400).optional(),
  kind: many(auditKinds),
  ...span,
  sort: z.enum(["-sequence", "sequence"]).default("-sequence"),
});
export const Audit = page(AuditRow);
