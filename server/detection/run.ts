import { createHash } from "node:crypto";
import type { DetectedFinding, FindingSubject, Level } from "@provost/shared/model/detection.ts";
import type { DeviceId, Instant } from "@provost/shared/model/ids.ts";
import { startBefore, startOf } from "@provost/shared/model/observed.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import { isUnowned } from "@provost/shared/model/work.ts";
import { commandOf, eventSays } from "../events/describe.ts";
import type { BaselineStore } from "./baseline.ts";
import { openEngine } from "./engine.ts";
import type { DetectionEngine } from "./engine.ts";
import { openRecent } from "./recent.ts";
import type { Finding } from "./rule.ts";
import { reducerRules } from "./rules/index.ts";
import type { Recent, Recognised, ReducerRule } from "./rules/rule.ts";
import { linuxEvents } from "./sigma/fields/linux.ts";
import type { RuleSet } from "./sigma/rule-set.ts";
import { lineageWithTags } from "./tree.ts";
import { usualOf, type Usual } from "./usual.ts";

export interface Detection {
  /** What devices saw, in the order in which it was stored. */
  observe(device: DeviceId, events: readonly Observed[]): readonly DetectedFinding[];
  /** Time passes: correlations that wait for an end get one. */
  advance(now: number): readonly DetectedFinding[];
  /** Another set of Sigma rules from now on. */
  use(rules: RuleSet): void;
}

/** Events by whom a finding of the Sigma engine leads back: bounded. */
const mostHeld = 20_000;

/** Everything that looks at behaviour: Sigma, rules with a memory, what is usual on the fleet. */
export function openDetection(
  baseline: BaselineStore,
  fleet: () => number,
  log: (line: string) => void,
  reducers: readonly ReducerRule[] = reducerRules,
): Detection {
  const memories = new Map<DeviceId, Recent>();
  const held = new Map<string, Observed>();
  let engine: DetectionEngine | undefined;

  const recentOf = (device: DeviceId): Recent => {
    const known = memories.get(device) ?? openRecent();
    memories.set(device, known);
    return known;
  };

  const hold = (event: Observed): void => {
    held.set(event.id, event);
    const [first] = held.keys();
    if (held.size > mostHeld && first !== undefined) held.delete(first);
  };

  const ofReducer = (
    device: DeviceId,
    event: Observed,
    rule: ReducerRule,
    found: Recognised,
    { rarity, says }: Usual,
  ): DetectedFinding => ({
    id: idOf(rule.id, device, event.id),
    device,
    at: event.at,
    source: "reducer",
    rule: { id: rule.id, title: rule.title, author: "Provost", license: "Apache-2.0" },
    level: found.level,
    techniques: rule.techniques,
    sentence: found.sentence.slice(0, 2000),
    subject: found.subject,
    lineage: lineageWithTags(event),
    events: [event.id],
    ...(found.provenanceChange === undefined ? {} : { provenanceChange: found.provenanceChange }),
    rarity,
    ...(says.length === 0 ? {} : { usual: says }),
    facts: found.facts ?? {},
  });

  const ofSigma = (device: DeviceId, finding: Finding, usual?: Usual): DetectedFinding | undefined => {
    const last = finding.events.at(-1);
    const event = last === undefined ? undefined : held.get(last.id);
    if (event === undefined) return undefined;
    const { rule } = finding;
    return {
      id: idOf(rule.id, device, event.id),
      device,
      at: finding.at as Instant,
      source: "sigma",
      rule: {
        id: rule.id.slice(0, 200),
        title: rule.title.slice(0, 500),
        ...(rule.author === undefined ? {} : { author: rule.author.slice(0, 500) }),
        ...(rule.license === undefined ? {} : { license: rule.license.slice(0, 200) }),
        references: rule.references.slice(0, 20).map((reference) => reference.slice(0, 2000)),
      },
      level: rule.level,
      techniques: rule.tags.flatMap((tag) => {
        const technique = /^attack\.(t\d{4}(?:\.\d{3})?)$/i.exec(tag)?.[1];
        return technique === undefined ? [] : [technique.toUpperCase()];
      }),
      sentence: `${rule.title}: ${eventSays(event)}.`.slice(0, 2000),
      subject: subjectOf(event),
      lineage: lineageWithTags(event),
      events: [...new Set(finding.events.map(({ id }) => id))].slice(-50),
      ...(isUnowned(event.actor.worth) ? { provenanceChange: 0.5 } : {}),
      ...(usual === undefined || usual.says.length === 0 ? {} : { rarity: usual.rarity, usual: usual.says }),
      facts: Object.fromEntries(
        finding.reasons
          .slice(0, 20)
          .map(({ field, says, value }) => [(field ?? "event").slice(0, 100), `${says}: ${value}`.slice(0, 1000)]),
      ),
    };
  };

  return {
    observe(device, events) {
      const found: DetectedFinding[] = [];
      const recent = recentOf(device);
      const failed = new Map<string, number>();
      // One rule's failure costs nobody else's finding; it is told once a batch, however often it happened.
      const attempt = (who: string, work: () => void): void => {
        try {
          work();
        } catch (cause) {
          const before = failed.get(who) ?? 0;
          failed.set(who, before + 1);
          if (before === 0) log(`detection: ${who} failed: ${cause instanceof Error ? cause.message : String(cause)}`);
        }
      };
      for (const told of events) {
        // What was judged late is looked at as the start it completes. Findings are known by the start's name: none comes twice.
        const event = told.kind === "judged" ? startOf(told) : told;
        let usual: Usual = { rarity: 0.5, says: [] };
        attempt("what is usual", () => {
          usual = usualOf(told, device, baseline, fleet());
        });
        for (const rule of reducers)
          attempt(rule.id, () => {
            const recognised = rule.observe(event, { device, baseline, recent });
            if (recognised !== undefined) found.push(ofReducer(device, event, rule, recognised, usual));
          });
        const rules = engine;
        if (rules === undefined) continue;
        hold(event);
        attempt("the Sigma engine", () => {
          const before = told.kind === "judged" ? linuxEvents(startBefore(told)) : [];
          for (const [at, line] of linuxEvents(event).entries())
            for (const finding of rules.feed(line, before[at])) {
              const made = ofSigma(device, finding, usual);
              if (made !== undefined) found.push(made);
            }
        });
      }
      for (const [who, times] of failed) if (times > 1) log(`detection: ${who} failed ${times} times`);
      return found;
    },
    advance(now) {
      return (engine?.advance(now) ?? []).flatMap((finding) => {
        const host = held.get(finding.events.at(-1)?.id ?? "")?.host;
        const made = host === undefined ? undefined : ofSigma(host as DeviceId, finding);
        return made === undefined ? [] : [made];
      });
    },
    use(rules) {
      engine = openEngine(rules);
    },
  };
}

const idOf = (rule: string, device: string, event: string): string =>
  `fnd_${createHash("sha256").update(`${rule}\n${device}\n${event}`).digest("hex").slice(0, 24)}`;

function subjectOf(event: Observed): FindingSubject {
  const { actor } = event;
  if (event.kind === "file") return { kind: "file", path: event.path };
  if (event.kind === "connection" && event.initiated)
    return { kind: "destination", address: event.remote.address, port: event.remote.port };
  return {
    kind: "process",
    key: { pid: actor.pid, startedAt: actor.startedAt },
    path: actor.executable || commandOf(actor),
  };
}

export const weight: Readonly<Record<Level, number>> = { informational: 0, low: 1, medium: 2, high: 3, critical: 4 };
