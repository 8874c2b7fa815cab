import type { Level, Worth } from "@provost/shared/model/detection.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import type { ReducerRule, Recognised } from "../detection/rules/rule.ts";
import { programName } from "@provost/shared/model/work.ts";
import { namedIn } from "./host-name.ts";
import type { Hit, IndicatorSet } from "./indicator-set.ts";

/** What somebody says is bad was started, or talked to. The hit names indicator and source. */
export const indicatorRule = (indicators: () => IndicatorSet | undefined): ReducerRule => ({
  id: "provost.indicator",
  title: "A listed indicator was met",
  techniques: [],
  observe(event) {
    const set = indicators();
    return set === undefined
      ? undefined
      : (ofExec(event, set) ?? ofConnection(event, set) ?? (set.hasNames ? ofCommand(event, set) : undefined));
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
  const { address, port, name } = event.remote;
  const hit = set.address(address) ?? (name === undefined ? undefined : set.host(name));
  if (hit === undefined) return undefined;
  return {
    level: "high",
    sentence: `${programName(event.actor)} connected to ${address}:${port}, which ${hit.source} lists${hit.indicator === address ? "" : ` as ${hit.indicator}`}.`,
    subject: { kind: "destination", address, port, ...(name === undefined ? {} : { name }) },
    facts: factsOf(hit),
  };
}

/** A command line that names a listed host or URL. Whether anything was fetched is not seen: somebody may only look for the name. */
function ofCommand(event: Observed, set: IndicatorSet): Recognised | undefined {
  if (event.kind !== "exec") return undefined;
  for (const { host, url } of namedIn(event.actor.arguments)) {
    const hit = (url === undefined ? undefined : set.url(url)) ?? set.host(host);
    if (hit === undefined) continue;
    return {
      level: "medium",
      sentence: `${programName(event.actor)} was started with ${url ?? host} in its command line, which ${hit.source} lists${hit.indicator === (url ?? host) ? "" : ` as ${hit.indicator}`}.`,
      subject: { kind: "destination", address: host, name: host },
      facts: factsOf(hit),
    };
  }
  return undefined;
}

/** A list that names the system's own shell is wrong about it, or about something worse: a person has to look, and nothing stops by itself. */
const isVouched = (worth: Worth | undefined): boolean => worth?.standing === "proven" || worth?.standing === "signed";
const levelOf = (vouched: boolean): Level => (vouched ? "medium" : "high");
const factsOf = ({ indicator, source }: Hit): Record<string, string> => ({ indicator, source });
