import * as z from "zod";
import { accesses, actions, alarmKinds, gateModes, tiers } from "../model/gate.ts";
import { bases, standings } from "../model/verdict.ts";
import { count, digest, placeText, text } from "./fields.ts";
import { limits } from "./limits.ts";

/** What the gate tells. All three are in the lane that is never dropped. */

/** A short name of these bytes on this device, made there: what `provost request`, `why` and `approve` take. */
const code = z.string().regex(/^[0-9a-f]{6,12}$/);
/** Why it was so decided: a cause of the policy's (requirement, exception) or of the gate's (late, agent-gone). */
const cause = z
  .string()
  .max(40)
  .regex(/^[a-z]+(-[a-z]+)*$/);

/** Who executed or opened it. `pid` and `startedAt` together survive the number's reuse. */
const Asker = z.object({
  pid: count,
  startedAt: count,
  uid: count,
  loginUid: count.optional(),
  executable: placeText,
  command: text(4096).optional(),
});

const Decision = z.object({
  at: count,
  code,
  path: placeText,
  root: placeText,
  sha256: digest.optional(),
  access: z.enum(accesses),
  process: Asker,
  allowed: z.boolean(),
  action: z.enum(actions),
  would: z.enum(actions).optional(),
  cause,
  rule: text(200).optional(),
  why: text(2000),
  policy: count,
  mode: z.enum(gateModes),
  tier: z.enum(tiers),
  standing: z.enum(standings),
  basis: z.enum(bases),
  count: count.min(1),
});

const Alarm = z.object({
  at: count,
  kind: z.enum(alarmKinds),
  says: text(1000),
  facts: z.record(text(100), text(1000)),
});

export const DecisionsFrame = z.object({
  kind: z.literal("decisions"),
  items: z.array(Decision).max(limits.decisionsPerFrame),
});
export const AlarmsFrame = z.object({ kind: z.literal("alarms"), items: z.array(Alarm).max(limits.alarmsPerFrame) });
export const RequestFrame = z.object({
  kind: z.literal("request"),
  code,
  sha256: digest,
  path: placeText,
  root: placeText,
  uid: count,
  user: text(100),
  reason: text(1000),
  at: count,
});

export type DecisionsFrame = z.infer<typeof DecisionsFrame>;
export type AlarmsFrame = z.infer<typeof AlarmsFrame>;
export type RequestFrame = z.infer<typeof RequestFrame>;
/** One decision of the gate; `count` equal ones are folded into it. */
export type GateDecision = DecisionsFrame["items"][number];
export type GateAlarm = AlarmsFrame["items"][number];
