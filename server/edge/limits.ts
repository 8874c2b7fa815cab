import { eventBounds } from "../events/event-store.ts";
import type { EventBounds } from "../events/event-store.ts";
import { silenceLimits } from "../gate/silence.ts";
import type { SilenceLimits } from "../gate/silence.ts";

export interface EdgeLimits extends SilenceLimits {
  readonly connections: number;
  /** From the connection to `welcome`. */
  readonly greetingMs: number;
  readonly tokenMs: number;
  readonly proofsUnderWay: number;
  /** Unread bytes that a connection may hold here before it gets nothing more. */
  readonly bufferedBytes: number;
  readonly pingMs: number;
  /** So many pings without an answer, and the device is gone: a machine that lost its power says no goodbye. */
  readonly missedPings: number;
  /** How long a peer may take to answer a close. */
  readonly closeMs: number;
  /** What is kept of one device's events. */
  readonly events: EventBounds;
}

export const edgeLimits: EdgeLimits = {
  connections: 20_000,
  greetingMs: 10_000,
  tokenMs: 15 * 60_000,
  proofsUnderWay: 50,
  bufferedBytes: 4 * 1024 * 1024,
  pingMs: 10_000,
  missedPings: 2,
  closeMs: 2000,
  events: eventBounds,
  ...silenceLimits,
};
