import * as z from "zod/mini";
import type { GateMode, Tier } from "@provost/shared/model/gate.ts";
import type { PolicySource } from "@provost/shared/model/published-policy.ts";
import type { GateDecision } from "@provost/shared/protocol/gate-frames.ts";

/** What is said at the daemon's control sockets: one JSON line each way, then the connection ends. */

const matching = (pattern: RegExp) => z.string().check(z.regex(pattern));
const upTo = (most: number) => z.string().check(z.minLength(1), z.maxLength(most));
const code = matching(/^[0-9a-f]{6,12}$/);
const words = upTo(1000);

const open = [
  z.strictObject({ ask: z.literal("status") }),
  z.strictObject({ ask: z.literal("why"), code }),
  z.strictObject({ ask: z.literal("request"), code, reason: z.optional(words) }),
] as const;
/** Anybody on the device may ask these. */
export const OpenQuestion = z.discriminatedUnion("ask", open);
/** Only who may write to the owner's socket: root, and the user that the daemon runs as. */
export const OwnerQuestion = z.discriminatedUnion("ask", [
  ...open,
  z.strictObject({
    ask: z.literal("approve"),
    /** A code, or a whole SHA-256. */
    subject: matching(/^(?:[0-9a-f]{6,12}|[0-9a-f]{64})$/),
    hours: z.number().check(z.positive(), z.maximum(8760)),
    reason: words,
    owner: upTo(100),
  }),
  /** Undoes what an order of the server did here. */
  z.strictObject({ ask: z.literal("release"), command: matching(/^cmd_[0-9a-z]{1,40}$/), owner: upTo(100) }),
  z.strictObject({ ask: z.literal("stop"), secret: z.optional(z.string().check(z.maxLength(1000))) }),
]);
export type OwnerQuestion = z.infer<typeof OwnerQuestion>;

export interface GateStatus {
  readonly mode: GateMode;
  readonly tier: Tier;
  /** The number of the policy that holds; 0: the built-in one. */
  readonly policy: number;
  /** Whose word it is; absent from an older daemon. */
  readonly policyFrom?: PolicySource;
  readonly policyFault?: string;
  readonly sensor: "connected" | "missing" | "not connected yet";
  readonly release?: string;
  readonly parts: readonly string[];
  /** A line for each part that is not there. */
  readonly missing: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
}

export type ControlAnswer =
  | { readonly ok: true; readonly status: GateStatus }
  | { readonly ok: true; readonly decision: GateDecision; readonly says: string }
  | { readonly ok: true; readonly says: string }
  | { readonly ok: false; readonly why: string; readonly code: "NOT_FOUND" | "NOT_ALLOWED" | "CONFIG_INVALID" };

export const openSocket = "ask.sock";
export const ownerSocket = "owner.sock";
/** Of one line, either way. */
export const mostLineBytes = 16_384;
