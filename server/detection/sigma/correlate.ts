/** One correlation over a stream: its groups, their windows, and a bound on both. Time comes with the events. */
import type { Correlated, DetectionEvent, FieldValue } from "../rule.ts";
import type { LoadedCorrelation } from "./rule-set.ts";
import { openWindow, waits, type Window } from "./windows.ts";

export interface CorrelationLimits {
  readonly groups: number;
  /** Times, values and counts of all groups together. */
  readonly entries: number;
  /** Events that a finding brings with it. */
  readonly events: number;
}

export const correlationLimits: CorrelationLimits = { groups: 10_000, entries: 1_000_000, events: 16 };

export interface Fired {
  readonly at: number;
  readonly events: readonly DetectionEvent[];
  readonly correlated: Correlated;
}

export interface Correlator {
  /** `rules`: ids of the rules that held for the event. */
  feed(event: DetectionEvent, rules: readonly string[]): readonly Fired[];
  /** What had to wait until now. */
  advance(now: number): readonly Fired[];
  /** Events that were forgotten because too much had to be remembered, and those that came too late. */
  readonly lost: number;
}

interface Group {
  readonly fields: Readonly<Record<string, string>>;
  readonly window: Window;
  readonly opened: number;
  newest: number;
  fired: number | undefined;
  readonly events: DetectionEvent[];
}

export function openCorrelator(
  correlation: LoadedCorrelation,
  limits: CorrelationLimits = correlationLimits,
): Correlator {
  const { sources, groupBy, timespan, fields } = correlation;
  const waiting = waits(correlation);
  // Where windows are waited for: in the order they opened. Elsewhere: in the order groups were last fed.
  const groups = new Map<string, Group>();
  let entries = 0;
  let lost = 0;

  function feed(event: DetectionEvent, rules: readonly string[]): readonly Fired[] {
    const places = sources.flatMap((id, place) => (rules.includes(id) ? [place] : []));
    if (places.length === 0) return [];
    const closed = advance(event.at);
    // An alias may mean another field for each rule, and so lead one event to several groups.
    const keys = new Map<string, { readonly found: Readonly<Record<string, string>>; readonly places: number[] }>();
    for (const place of places) {
      const found = groupOf(event, place);
      if (found === undefined) continue;
      const key = JSON.stringify(Object.values(found));
      const known = keys.get(key);
      if (known === undefined) keys.set(key, { found, places: [place] });
      else known.places.push(place);
    }
    const fired = [...keys].flatMap(([key, { found, places: own }]) => add(key, found, event, own) ?? []);
    return [...closed, ...fired];
  }

  function add(
    key: string,
    found: Readonly<Record<string, string>>,
    event: DetectionEvent,
    places: readonly number[],
  ): Fired | undefined {
    const group = groups.get(key) ?? {
      fields: found,
      window: openWindow(correlation, () => lost++),
      opened: event.at,
      newest: event.at,
      fired: undefined,
      events: [],
    };
    if (group.newest - event.at > timespan) {
      lost++;
      return undefined;
    }
    if (!waiting) groups.delete(key);
    groups.set(key, group);
    const before = group.window.size;
    const measured = group.window.add({ at: event.at, rules: places, value: valueOf(event, places[0] ?? 0) });
    entries += group.window.size - before;
    group.newest = Math.max(group.newest, event.at);
    group.events.push(event);
    if (group.events.length > limits.events) group.events.shift();
    makeRoom(key);
    // Once for each group and timespan: what goes on is one finding, not one with every event.
    if (measured === undefined || (group.fired !== undefined && event.at - group.fired <= timespan)) return undefined;
    group.fired = event.at;
    return fire(group, measured, event.at, Math.max(group.events[0]?.at ?? event.at, event.at - timespan));
  }

  function advance(now: number): readonly Fired[] {
    const fired: Fired[] = [];
    for (const [key, group] of groups) {
      if (now - (waiting ? group.opened : group.newest) <= timespan) break;
      forget(key, group);
      const end = group.opened + timespan;
      if (waiting) for (const measured of group.window.close()) fired.push(fire(group, measured, end, group.opened));
    }
    return fired;
  }

  function makeRoom(current: string): void {
    for (const [key, group] of groups) {
      if (groups.size <= limits.groups && entries <= limits.entries) return;
      if (key === current) continue;
      forget(key, group);
      lost += Math.max(1, group.window.size);
    }
  }

  function forget(key: string, group: Group): void {
    groups.delete(key);
    entries -= group.window.size;
  }

  function fire(group: Group, measured: number, to: number, from: number): Fired {
    const events = group.events.filter(({ at }) => to - at <= timespan);
    return { at: to, events, correlated: { group: group.fields, measured, from, to } };
  }

  /** An event without one of the fields belongs to no group. */
  function groupOf(event: DetectionEvent, place: number): Readonly<Record<string, string>> | undefined {
    const found: Record<string, string> = {};
    for (const name of groupBy) {
      const value = textOf(event, fieldFor(name, place));
      if (value === undefined) return undefined;
      found[name] = value;
    }
    return found;
  }

  function valueOf(event: DetectionEvent, place: number): string | undefined {
    const values = fields.map((name) => textOf(event, fieldFor(name, place)));
    if (values.length === 0 || values.includes(undefined)) return undefined;
    return values.length === 1 ? values[0] : JSON.stringify(values);
  }

  function fieldFor(name: string, place: number): string {
    return correlation.aliases.get(name)?.get(correlation.rules[place] ?? "") ?? name;
  }

  return {
    feed,
    advance,
    get lost() {
      return lost;
    },
  };
}

function textOf({ fields }: DetectionEvent, name: string): string | undefined {
  const value: FieldValue | undefined = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value === undefined || value === null) return undefined;
  return Array.isArray(value) ? JSON.stringify(value) : String(value);
}
