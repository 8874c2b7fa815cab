import type { Level, Worth } from "@provost/shared/model/detection.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import type { ReducerRule, Recognised } from "../detection/rules/rule.ts";
import { programName } from "@provost/shared/model/work.ts";
import type { Hit, IndicatorSet } from "./indicator-set.ts";

/** What somebody says is bad was started, or talked to. The hit names indicator and source. */
export const indicatorRule = (indicators: () => IndicatorSet | undefined): ReducerRule => ({
  id: "provost.indicator",
  title: "A listed indicator was met",
  techniques: [],
  observe(event) {
    const set = indicators();
    return set === undefined ? undefined : (ofExec(event, set) ?? ofConnection(event, set));
  },
});

function ofExec(event: Observed, set: IndicatorSet): Recognised | undefined {
  if (event.kind !== "exec") return undefined;
  const { actor, script, scriptSha256, scriptWorth } = event;
  const files = [
    { path: script, sha256: scriptSha256, worth: scriptWorth },
    { path: actor.executable, sha256: actor.sha256, worth: actor.worth },
  ];
  for (const { path, sha256, worth } of files) {
    const hit = path === undefined || sha256 === undefined ? undefined : set.digest(sha256);
    if (hit === undefined || path === undefined || sha256 === undefined) continue;
    const vouched = isVouched(worth);
    return {
      level: levelOf(vouched),
      sentence: `${path} started, whose digest ${hit.source} lists${vouched ? `; yet it is ${worth?.standing}: look at the list before anything is done` : ""}.`,
      subject: { kind: "file", path, sha256 },
      provenanceChange: vouched ? 0 : 1,
      facts: factsOf(hit),
    };
  }
  return undefined;
}

function ofConnection(event: Observed, set: IndicatorSet): Recognised | undefined {
  if (event.kind !== "connection" || !event.initiated) return undefined;
  const { address, port } = event.remote;
  const hit = set.address(address);
  if (hit === undefined) return undefined;
  return {
    level: "high",
    sentence: `${programName(event.actor)} connected to ${address}:${port}, which ${hit.source} lists${hit.indicator === address ? "" : ` as ${hit.indicator}`}.`,
    subject: { kind: "destination", address, port },
    facts: factsOf(hit),
  };
}

/** A list that names the system's own shell is wrong about it, or about something worse: a person has to look, and nothing stops by itself. */
const isVouched = (worth: Worth | undefined): boolean => worth?.standing === "proven" || worth?.standing === "signed";
const levelOf = (vouched: boolean): Level => (vouched ? "medium" : "high");
const factsOf = ({ indicator, source }: Hit): Record<string, string> => ({ indicator, source });
