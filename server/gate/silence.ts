import type { DeviceId } from "@provost/shared/model/ids.ts";
import { timeText } from "@provost/shared/provenance/words.ts";
import type { Away, GateStore, Leaving, NewFinding } from "./gate-store.ts";

export interface SilenceLimits {
  /** Nothing was heard for so long: a finding. */
  readonly silentMs: number;
  /** After this server itself was away, devices get at most so long to come back: their pauses between tries grow to a minute. */
  readonly graceMs: number;
  /** Between two looks. A longer pause means that this server was stopped or asleep. */
  readonly lookMs: number;
}
/** The promise is a finding within 30 seconds: the last of them is the pause between two looks. */
export const silenceLimits: SilenceLimits = { silentMs: 29_000, graceMs: 90_000, lookMs: 1000 };

/** How a connection ended, as the edge saw it. */
export interface Ending {
  /** The last time anything came from the device. */
  readonly heardAt: number;
  /** The device closed the connection in order. */
  readonly closed: boolean;
  /** The last thing it told was that somebody with the right to do so stopped it. */
  readonly asked: boolean;
  readonly why: string;
}

export interface Silence {
  arrived(device: DeviceId, now: number): void;
  ended(device: DeviceId, ending: Ending): void;
  /** Once in `lookMs`. */
  look(now: number): void;
}

type SilenceStore = Pick<GateStore, "arrived" | "left" | "unreported" | "report">;

/**
 * Notices devices that are heard of no more. What is known lies in the store, so that a device that goes away while this server
 * is restarted is still noticed; and whenever this server was not looking itself, every device first gets the time to come back.
 */
export function openSilence(
  store: SilenceStore,
  lastKnown: (device: DeviceId) => Readonly<Record<string, string>>,
  changed: (device: DeviceId) => void,
  limits: SilenceLimits = silenceLimits,
): Silence {
  const away = new Map<DeviceId, Away>();
  let lastLook: number | undefined;
  let blind: Blindness | undefined;

  for (const one of store.unreported()) away.set(one.device, one);

  return {
    arrived(device, now) {
      away.delete(device);
      if (store.arrived(device, now) > 0) changed(device);
    },
    ended(device, { heardAt, closed, asked, why }) {
      const leaving: Leaving = !closed ? "lost" : asked ? "asked" : "closed";
      const one = { device, since: heardAt, leaving, why };
      // What a store that cannot write would forget is still noticed.
      if (leaving !== "asked") away.set(device, one);
      store.left(one);
    },
    look(now) {
      // Not looked for longer than a few looks: started, stopped or asleep. Devices are not to blame for that.
      if (lastLook === undefined || now - lastLook > 5 * limits.lookMs) blind = blindness(lastLook, now, limits);
      lastLook = now;
      for (const one of away.values()) {
        const excuse = blind !== undefined && one.since < blind.until ? blind : undefined;
        if (now - one.since < limits.silentMs || (excuse !== undefined && now < excuse.patience)) continue;
        store.report(findingOf(one, now, lastKnown(one.device), excuse));
        away.delete(one.device);
        changed(one.device);
      }
      if (blind !== undefined && now >= blind.patience) blind = undefined;
    },
  };
}

/** A time in which this server did not look; nothing that went silent before its end is reported before `patience`. */
interface Blindness {
  readonly from?: number;
  readonly until: number;
  readonly patience: number;
}

/** A short stop breaks no connection, and excuses for not much longer than it was. */
const blindness = (from: number | undefined, now: number, { silentMs, graceMs }: SilenceLimits): Blindness =>
  from === undefined
    ? { until: now, patience: now + graceMs }
    : { from, until: now, patience: now + Math.min(graceMs, silentMs + now - from) };

function findingOf(
  away: Away,
  now: number,
  lastKnown: Readonly<Record<string, string>>,
  blind: Blindness | undefined,
): NewFinding {
  const { device, since, leaving, why } = away;
  const orderly = leaving === "closed";
  const facts: Record<string, string> = {
    ...lastKnown,
    "last heard of": timeText(since),
    noticed: timeText(now),
    ...(why === "" ? {} : { "how the connection ended": why.slice(0, 400) }),
  };
  if (blind !== undefined)
    facts["this server was not looking"] =
      `${blind.from === undefined ? "before" : `from ${timeText(blind.from)} to`} ${timeText(blind.until)}`;
  return {
    device,
    kind: orderly ? "stopped" : "silent",
    at: since,
    says: orderly
      ? `The agent closed its connection in order at ${timeText(since)} and did not say who stopped it.`
      : `Nothing was heard since ${timeText(since)}, and nobody said that it was to stop.`,
    facts,
  };
}
