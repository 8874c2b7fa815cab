import * as z from "zod";
import { auditKinds } from "../model/audit-kinds.ts";
import { actionNames, commandStates } from "../model/command.ts";
import { actions, gateModes } from "../model/gate.ts";
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

const mode = z.enum(gateModes);
/** As YAML, or as its parsed text: what a person writes stays below this. */
const policyText = text(512 * 1024);

export const PolicyRow = z.object({
  number: z.number().int(),
  by: text(200),
  at: time,
  why: text(1000),
  /** The newest that is published to devices. */
  current: z.boolean(),
  /** Whose gate it rules now. */
  devices: z.number().int(),
});
export const PolicyList = z.object({
  published: z.array(PolicyRow),
  /** Whose word rules how many devices: the server's, a file on the device, or what the product brings. */
  sources: z.object({ server: z.number().int(), file: z.number().int(), builtIn: z.number().int() }),
  /** Groups that devices name; "": devices that name none. */
  groups: z.array(z.object({ group: text(2000), devices: z.number().int(), modes: z.array(mode) })),
  /** Devices that could not read the policy they were sent, and keep the one before. */
  faults: z.array(z.object({ device: z.string(), deviceName: text(255), why: text(1000) })),
});
export const PolicyDetail = PolicyRow.extend({
  yaml: policyText,
  /** In the order in which they are asked; the last, with the group "", holds for devices in none. `now`: after stepping back. */
  rings: z.array(z.object({ group: text(2000), mode, now: mode, devices: z.number().int() })),
  /** Rings that stepped back by themselves, and why; the newest first. */
  steppedBack: z.array(
    z.object({
      group: text(2000),
      from: mode,
      to: mode,
      at: time,
      why: text(1000),
      endedAt: time.optional(),
      endedBy: text(200).optional(),
    }),
  ),
});
export const DraftPolicy = z.strictObject({
  yaml: policyText,
  days: z.number().int().min(1).max(90).default(14),
});
/** What a draft would have done to what really ran. */
export const Rehearsal = z.object({
  ok: z.boolean(),
  /** The fault and its place, where the draft cannot be read. */
  why: text(2000).optional(),
  /** The oldest event that was found, and now. */
  from: time,
  to: time,
  executions: z.number().int(),
  devices: z.number().int(),
  /** Starts by what the draft does about them. */
  counts: z.record(z.string(), z.number().int()),
  /** Starts beyond what one rehearsal tells apart; absent: none. */
  uncounted: z.number().int().optional(),
  /** Executions that are not judged, because nobody read their bytes in time; absent: none. */
  unread: z.number().int().optional(),
  /** Different files that it would have stopped. */
  stoppedFiles: z.number().int(),
  /** Most often first; 200 at most. */
  stopped: z.array(
    z.object({
      path: text(16384),
      digest: digest.optional(),
      action: z.enum(actions),
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
      before: z.enum(actions),
      after: z.enum(actions),
      times: z.number().int(),
    }),
  ),
});
export const PublishPolicy = z.strictObject({
  yaml: policyText,
  why: text(1000).min(1),
  /** The rehearsal's own `stoppedFiles`, read back: nobody turns a ring on unseen. */
  seenStopped: z.number().int(),
});
export const PublishedNumber = z.object({ number: z.number().int() });
/** A ring that stepped back does again what its policy says. "": the devices in no other. */
export const TurnOnRing = z.strictObject({ group: text(2000), why: text(1000).min(1) });

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
