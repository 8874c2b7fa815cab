import * as z from "zod";
import { accesses, actions, findingKinds, gateModes, outcomes, tiers } from "../model/gate.ts";
import { bases, standings } from "../model/verdict.ts";
import { many, page, paging, yes } from "./paging.ts";

/** What people may ask about the gate: decisions, findings and requests, of one device or of all. */

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.number().int().nonnegative();
const text = (max: number) => z.string().max(max);

export const DecisionRow = z.object({
  id: z.string(),
  at: time,
  device: z.string(),
  deviceName: text(255),
  /** What `provost why` and `provost request` on the device take. */
  code: text(12),
  path: text(16384),
  root: text(16384),
  digest: digest.optional(),
  /** The executable that lies there now, where one is known. */
  executable: z.string().optional(),
  access: z.enum(accesses),
  process: z.object({
    pid: z.number().int(),
    startedAt: time,
    uid: z.number().int(),
    loginUid: z.number().int().optional(),
    executable: text(16384),
    command: text(4096).optional(),
  }),
  outcome: z.enum(outcomes),
  allowed: z.boolean(),
  action: z.enum(actions),
  would: z.enum(actions).optional(),
  cause: text(40),
  rule: text(200).optional(),
  why: text(2000),
  policy: z.number().int(),
  mode: z.enum(gateModes),
  tier: z.enum(tiers),
  standing: z.enum(standings),
  basis: z.enum(bases),
  /** So many equal ones within an hour are folded into this line; `at` is the first, `lastAt` the last. */
  count: z.number().int(),
  lastAt: time.optional(),
});

export const FindingRow = z.object({
  id: z.string(),
  device: z.string(),
  deviceName: text(255),
  kind: z.enum(findingKinds),
  /** Who noticed: the device itself, or this server. */
  from: z.enum(["device", "server"]),
  at: time,
  /** Of what the server noticed: when it was over. */
  endedAt: time.optional(),
  open: z.boolean(),
  says: text(1000),
  facts: z.record(z.string(), z.string()),
});

export const RequestRow = z.object({
  id: z.string(),
  at: time,
  device: z.string(),
  deviceName: text(255),
  code: text(12),
  digest,
  path: text(16384),
  root: text(16384),
  executable: z.string().optional(),
  uid: z.number().int(),
  user: text(100),
  reason: text(1000),
  /** How often the same person asked for the same bytes while it waited; `at` is the last time. */
  times: z.number().int(),
  /** What is known of the file that lies there now, where these bytes are still there; else what the gate there made of them last. */
  standing: z.enum(standings).optional(),
  basis: z.enum(bases).optional(),
  says: text(2000).optional(),
  /** When it first ran by an exception after it was asked for. */
  allowedAt: time.optional(),
  /** What a person decided in the console, and the orders that followed. */
  answer: z
    .object({
      approved: z.boolean(),
      by: text(200),
      at: time,
      reason: text(1000),
      scope: z.enum(["device", "fleet"]),
      commands: z.array(text(60)),
    })
    .optional(),
});

const gateSorts = z.enum(["at", "-at"]).default("-at");

export const DecisionQuery = z.object({
  ...paging,
  q: text(400).optional(),
  outcome: many(outcomes),
  access: many(accesses),
  digest: digest.optional(),
  sort: gateSorts,
});
export const FindingQuery = z.object({ ...paging, kind: many(findingKinds), open: yes, sort: gateSorts });
/** The fleet's lists can be narrowed to one device; a device's own are narrowed by their address. */
const device = text(60).optional();
export const FleetDecisionQuery = DecisionQuery.extend({ device });
export const FleetFindingQuery = FindingQuery.extend({ device });
export const RequestQuery = z.object({
  ...paging,
  q: text(400).optional(),
  device,
  waiting: yes,
  sort: gateSorts,
});

/** `dropped`: how many older ones went, because of their number or their age. */
const kept = <T extends z.ZodType>(row: T) => page(row).extend({ dropped: z.number().int() });
export const Decisions = kept(DecisionRow);
export const Findings = kept(FindingRow);
export const Requests = kept(RequestRow);

/** Of the last 24 hours, but for what is open or waits: that is counted whatever its age. */
export const GateSummary = z.object({
  stopped: z.number().int(),
  held: z.number().int(),
  would: z.number().int(),
  warned: z.number().int(),
  findings: z.number().int(),
  open: z.number().int(),
  waiting: z.number().int(),
});
