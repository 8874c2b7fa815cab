import type { State } from "../state/state.ts";
import type { MetaKey } from "../state/state.ts";
import { readMeta } from "../state/state.ts";
import { depth } from "../spool/spool.ts";
import { auditEntries } from "../audit/append.ts";

/** Never the device's own key. */
const told: readonly MetaKey[] = [
  "device",
  "server-url",
  "epoch",
  "committed",
  "last-scan",
  "telemetry-lost",
  "gate",
  "sensor",
  "pass",
];
const bounds = { events: 2000, audit: 500, orders: 100, stopped: 200 };

/** How the agent stands, in its own words. */
export const agentFacts = (state: State): Readonly<Record<string, unknown>> => ({
  ...Object.fromEntries(told.map((key) => [key, readMeta(state, key) ?? null])),
  spool: depth(state),
  orders: state
    .prepare("SELECT id, at, state, why, json_extract(body, '$.order') AS what FROM commands ORDER BY at DESC LIMIT ?")
    .all(bounds.orders),
  stopped: state.prepare("SELECT code, subject, at FROM stopped ORDER BY at DESC LIMIT ?").all(bounds.stopped),
  denials: state.prepare("SELECT digest, command, at, expires FROM denials ORDER BY at DESC LIMIT ?").all(500),
});

/** The newest of what was seen and decided and is not yet told, the newest last. What the server has stands there. */
export const untold = (state: State): readonly unknown[] =>
  state
    .prepare<[number], string>(
      `SELECT body FROM (SELECT sequence, body FROM spool WHERE kind IN ('events', 'decisions', 'alarms')
       ORDER BY sequence DESC LIMIT ?) ORDER BY sequence`,
    )
    .pluck()
    .all(bounds.events)
    .map((body): unknown => JSON.parse(body));

export const newestAudit = (state: State): readonly unknown[] => auditEntries(state).slice(-bounds.audit);
