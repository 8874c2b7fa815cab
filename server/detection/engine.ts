/** Events in, findings out. Rules are loaded once; a changed folder is a new engine. */
import type { DetectionEvent, Finding } from "./rule.ts";
import { openCorrelator, type CorrelationLimits, type Fired } from "./sigma/correlate.ts";
import { openMatcher } from "./sigma/matcher.ts";
import { reasonsFor } from "./sigma/reasons.ts";
import type { LoadedCorrelation, RuleSet } from "./sigma/rule-set.ts";

export interface DetectionEngine {
  /** `before`: the same event as it was fed at first; rules that held for that have had their say. */
  feed(event: DetectionEvent, before?: DetectionEvent): readonly Finding[];
  /** Time passes though nothing happens: closes what waited for an end. */
  advance(now: number): readonly Finding[];
  /** What correlations had to forget, in events. */
  lost(): number;
}

export function openEngine(set: RuleSet, limits?: CorrelationLimits): DetectionEngine {
  const matcher = openMatcher(set.rules);
  // Behind those that feed them: one pass in this order is enough.
  const correlators = set.correlations.map((correlation) => ({
    correlation,
    correlator: openCorrelator(correlation, limits),
  }));
  const correlated = new Set(set.correlations.flatMap(({ sources }) => sources));

  function feed(event: DetectionEvent, before?: DetectionEvent): readonly Finding[] {
    const had = new Set(before === undefined ? [] : matcher.match(before));
    const held = matcher.match(event).filter((rule) => !had.has(rule));
    if (held.length === 0) return [];
    const findings: Finding[] = held
      .filter(({ reported }) => reported)
      .map((rule) => ({
        rule: rule.facts,
        at: event.at,
        events: [event],
        reasons: reasonsFor(rule.detection, event, matcher.view, matcher.slots),
        correlated: undefined,
      }));
    const ids = held.map(({ facts }) => facts.id).filter((id) => correlated.has(id));
    if (ids.length > 0) findings.push(...correlate([{ event, rules: ids }]));
    return findings;
  }

  function correlate(first: readonly Step[], now?: number): readonly Finding[] {
    const steps = [...first];
    const findings: Finding[] = [];
    for (const { correlation, correlator } of correlators) {
      const fired = [
        ...(now === undefined ? [] : correlator.advance(now)),
        ...steps.flatMap(({ event, rules }) => correlator.feed(event, rules)),
      ];
      for (const found of fired) {
        if (correlated.has(correlation.facts.id)) steps.push({ event: derived(found), rules: [correlation.facts.id] });
        if (correlation.reported) findings.push(findingOf(correlation, found));
      }
    }
    return findings;
  }

  return {
    feed,
    advance: (now) => correlate([], now),
    lost: () => correlators.reduce((sum, { correlator }) => sum + correlator.lost, 0),
  };
}

/** An event, and the rules that held for it. */
interface Step {
  readonly event: DetectionEvent;
  readonly rules: readonly string[];
}

/** A correlation that feeds another looks to it like the event that completed it. */
function derived({ at, events, correlated }: Fired): DetectionEvent {
  const last = events.at(-1);
  return { id: last?.id ?? "", at, source: {}, fields: { ...last?.fields, ...correlated.group } };
}

function findingOf({ facts }: LoadedCorrelation, { at, events, correlated }: Fired): Finding {
  return { rule: facts, at, events, reasons: [], correlated };
}
