import type { DetectedFinding, Level } from "@provost/shared/model/detection.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import { setImmediate as immediate } from "node:timers/promises";
import type { BaselineStore } from "./detection/baseline.ts";
import { openDetection } from "./detection/run.ts";
import { reducerRules } from "./detection/rules/index.ts";
import { followIndicators } from "./intel/follow-indicators.ts";
import { indicatorRule } from "./intel/indicator-rule.ts";
import type { IndicatorSet } from "./intel/indicator-set.ts";
import { listedOfArrived, lookAtRest } from "./intel/look-at-rest.ts";
import type { Arrived } from "./ingest/accept.ts";
import { followRules } from "./detection/rule-folder.ts";
import type { StoredIncident } from "./incidents/incident-store.ts";
import type { Incidents } from "./incidents/incidents.ts";
import { openAutomatic } from "./response/auto.ts";
import type { Response } from "./response/issue.ts";
import type { Store } from "./store/store.ts";

const advanceEveryMs = 1000;
/** After a start: so much of what was stored before is looked at again, so that a story goes on. Nothing is found twice. */
const rememberMs = 900_000;
const rememberEvents = 20_000;
/** So many of the newest stored events are compared with indicators that came later. */
const lookBackEvents = 200_000;

export interface Behaviour {
  observed(device: DeviceId, events: readonly Observed[]): void;
  /** What lies and is installed there. */
  arrived(device: DeviceId, arrived: Arrived): void;
  /** What another part of the server recognised. */
  found(findings: readonly DetectedFinding[]): readonly StoredIncident[];
  close(): void;
}

/** From stored events to findings, incidents, and what is done about them. */
export function startBehaviour(
  store: Store,
  settings: { readonly rules?: string; readonly indicators: readonly string[]; readonly respond: Level | "off" },
  incidents: Incidents,
  response: Response,
  changed: (incident: StoredIncident) => void,
  log: (line: string) => void,
): Behaviour {
  let indicators: IndicatorSet | undefined;
  const listed = indicatorRule(() => indicators);
  const fleet = (): number => store.inventory.deviceIds().length;
  const detection = openDetection(store.baseline, fleet, log, [...reducerRules, listed]);
  const past = openDetection(unremembering(store.baseline), fleet, log, [listed]);
  const automatic = openAutomatic(settings.respond, store, response, log);

  /** All together; where one cannot be folded, each by itself, so that it alone is lost, and that is said. */
  const folded = (findings: readonly DetectedFinding[]): readonly StoredIncident[] => {
    try {
      return store.inventory.transaction(() => incidents.found(findings));
    } catch (cause) {
      if (findings.length > 1) return findings.flatMap((one) => folded([one]));
      log(`detection: ${findings[0]?.rule.id}: ${cause instanceof Error ? cause.message : String(cause)}`);
      return [];
    }
  };

  const take = (work: () => ReturnType<typeof detection.observe>): readonly StoredIncident[] => {
    try {
      const told = store.inventory.transaction(() => {
        const findings = work();
        return findings.length === 0 ? [] : folded(findings);
      });
      for (const incident of told) {
        changed(incident);
        automatic(incident);
      }
      return told;
    } catch (cause) {
      log(`detection: ${cause instanceof Error ? cause.message : String(cause)}`);
      return [];
    }
  };

  const stopRules =
    settings.rules === undefined ? () => undefined : followRules(settings.rules, (rules) => detection.use(rules), log);
  let isClosed = false;
  /** What was stored before an indicator was known is looked at again, a piece at a time. */
  const lookBack = async (set: IndicatorSet): Promise<void> => {
    for (const piece of chunked(store.events.since(0, lookBackEvents), 2000)) {
      if (isClosed || indicators !== set) return;
      for (const [device, events] of Map.groupBy(piece, ({ host }) => host))
        take(() => past.observe(device as DeviceId, events));
      await immediate();
    }
    const isOver = (): boolean => isClosed || indicators !== set;
    await lookAtRest(set, store.inventory, Date.now, isOver, (findings) => {
      if (findings.length > 0) take(() => findings);
    });
  };
  const stopIndicators =
    settings.indicators.length === 0
      ? () => undefined
      : followIndicators(
          settings.indicators,
          (set) => {
            indicators = set;
            lookBack(set).catch((cause: unknown) =>
              log(`indicators: looking back ended: ${cause instanceof Error ? cause.message : String(cause)}`),
            );
          },
          log,
          Date.now,
        );
  const byDevice = Map.groupBy(store.events.since(Date.now() - rememberMs, rememberEvents), ({ host }) => host);
  for (const [device, events] of byDevice) take(() => detection.observe(device as DeviceId, events));
  const timer = setInterval(() => take(() => detection.advance(Date.now())), advanceEveryMs);
  return {
    found: (findings) => take(() => findings),
    arrived(device, arrived) {
      if (indicators === undefined) return;
      const findings = listedOfArrived(device, arrived, indicators, store.inventory, Date.now());
      if (findings.length > 0) take(() => findings);
    },
    observed: (device, events) => void take(() => detection.observe(device, events)),
    close() {
      isClosed = true;
      clearInterval(timer);
      stopRules();
      stopIndicators();
    },
  };
}

/** Looking back makes nothing usual, and who did something then is not met for the first time now. */
const unremembering = (baseline: BaselineStore): BaselineStore => ({
  last: (key, device) => baseline.last(key, device),
  meet: () => ({ onDevice: true, devices: 1, firstAt: 0 }),
  replace: (key, device) => baseline.last(key, device),
  dropOlder: () => undefined,
});

function* chunked<Item>(items: Iterable<Item>, most: number): Generator<readonly Item[]> {
  let piece: Item[] = [];
  for (const item of items) {
    piece.push(item);
    if (piece.length < most) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}
