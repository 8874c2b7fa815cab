import { setImmediate as immediate } from "node:timers/promises";
import { actions } from "@provost/shared/model/gate.ts";
import type { Action, GateMode } from "@provost/shared/model/gate.ts";
import type { DeviceId, Instant, Purl, Sha256 } from "@provost/shared/model/ids.ts";
import type { Worth } from "@provost/shared/model/detection.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import type { Verdict } from "@provost/shared/model/verdict.ts";
import { corePaths } from "@provost/shared/policy/core.ts";
import { gateDecision } from "@provost/shared/policy/gate-decision.ts";
import { modeFor } from "@provost/shared/policy/gate.ts";
import { originOf } from "@provost/shared/policy/origin.ts";
import type { Policy } from "@provost/shared/policy/rules.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import type { JudgeFile, Read } from "../store/store.ts";

/** What a policy would have done to what really ran: the gate's own decision over stored events. */

/** Different starts (a file, on a device, by a user) that are told apart. What comes beyond is counted, and not judged. */
const mostStarts = 100_000;
const mostShown = 200;
const eventsPerStep = 2000;
const startsPerStep = 200;

export interface Rehearsed {
  readonly events: () => Iterable<Observed>;
  readonly groupsOf: (device: DeviceId) => { readonly name: string; readonly groups: readonly string[] } | undefined;
  readonly read: Pick<Read, "executables" | "executable">;
  /** A device that a file of its own rules is not asked about: the draft would not reach it. */
  readonly isRuled: (device: DeviceId) => boolean;
  readonly judgeFor: (device: DeviceId) => JudgeFile;
  readonly now: number;
  readonly from: number;
}

type Whole = Omit<Answer<"rehearsePolicy">, "ok" | "why">;

/** One file that was started on one device by one user, however often. */
interface Start {
  readonly device: DeviceId;
  readonly path: string;
  readonly sha256: Sha256;
  readonly user: string | undefined;
  readonly worth: Worth | undefined;
  readonly access: "exec" | "script" | "library";
  times: number;
}

/** `draft` against `present`, over everything that ran since `from`. */
export async function rehearse(draft: Policy, present: (device: DeviceId) => Policy, parts: Rehearsed): Promise<Whole> {
  const { starts, executions, oldest, uncounted, unread } = await collect(parts);
  const judged = openJudge(parts);
  const stopped = new Map<string, Stopped>();
  const changed = new Map<string, Whole["changed"][number]>();
  const counts: Record<string, number> = {};
  const devices = new Set<DeviceId>();
  let done = 0;
  for (const start of starts.values()) {
    devices.add(start.device);
    const situation = judged(start);
    const after = actionOf(draft, start, situation, parts.now);
    const before = actionOf(present(start.device), start, situation, parts.now);
    counts[after.action] = (counts[after.action] ?? 0) + start.times;
    if (isStopping(after.action)) noteStopped(stopped, start, after, parts);
    if (before.action !== after.action) noteChanged(changed, start, before.action, after.action);
    done += 1;
    if (done % startsPerStep === 0) await immediate();
  }
  return {
    from: oldest ?? parts.from,
    to: parts.now,
    executions,
    devices: devices.size,
    counts,
    ...(uncounted === 0 ? {} : { uncounted }),
    ...(unread === 0 ? {} : { unread }),
    stoppedFiles: stopped.size,
    stopped: most(stopped).map(({ names, ...row }) => ({
      ...row,
      devices: names.size,
      deviceNames: [...names].slice(0, 5),
    })),
    changed: most(changed),
  };
}

interface Stopped {
  readonly path: string;
  readonly digest: Sha256;
  readonly action: Action;
  readonly why: string;
  times: number;
  readonly names: Set<string>;
}

const most = <Row extends { readonly times: number }>(rows: ReadonlyMap<string, Row>): Row[] =>
  [...rows.values()].toSorted((a, b) => b.times - a.times).slice(0, mostShown);

function noteStopped(
  all: Map<string, Stopped>,
  { path, sha256, times, device }: Start,
  { action, why }: Decided,
  { groupsOf }: Rehearsed,
): void {
  const key = `${path}\n${sha256}`;
  const row = all.get(key) ?? {
    path,
    digest: sha256,
    action,
    why: why.slice(0, 2000),
    times: 0,
    names: new Set<string>(),
  };
  row.times += times;
  row.names.add(groupsOf(device)?.name ?? device);
  all.set(key, row);
}

function noteChanged(
  all: Map<string, Whole["changed"][number]>,
  { path, sha256, times }: Start,
  before: Action,
  after: Action,
): void {
  const key = `${path}\n${sha256}\n${before}\n${after}`;
  const row = all.get(key);
  all.set(key, { path, digest: sha256, before, after, times: (row?.times ?? 0) + times });
}

const isStopping = (action: Action): boolean => actions.indexOf(action) >= actions.indexOf("hold");

async function collect({ events, from, isRuled }: Rehearsed): Promise<{
  readonly starts: ReadonlyMap<string, Start>;
  readonly executions: number;
  readonly oldest: number | undefined;
  readonly uncounted: number;
  readonly unread: number;
}> {
  const starts = new Map<string, Start>();
  let executions = 0;
  let uncounted = 0;
  let unread = 0;
  let seen = 0;
  let oldest: number | undefined;
  for (const event of events()) {
    seen += 1;
    if (seen % eventsPerStep === 0) await immediate();
    if (event.at < from || !isRuled(event.host as DeviceId)) continue;
    oldest = Math.min(oldest ?? event.at, event.at);
    if (event.kind === "exec") executions += 1;
    if (event.kind === "exec" && event.actor.sha256 === undefined) unread += 1;
    // Its start may be older than what is looked at.
    if (event.kind === "judged" && event.adds.includes("program") && unread > 0) unread -= 1;
    for (const start of startsIn(event)) {
      const key = `${start.device}\n${start.sha256}\n${start.path}\n${start.user ?? ""}`;
      const known = starts.get(key);
      if (known !== undefined) known.times += 1;
      else if (starts.size < mostStarts) starts.set(key, start);
      else uncounted += 1;
    }
  }
  return { starts, executions, oldest, uncounted, unread };
}

/** What of an event stood before the gate: a program, the script it was started for, a library. What has no digest is not known. */
function startsIn(event: Observed): Start[] {
  const { actor } = event;
  const start = (
    path: string,
    sha256: Sha256 | undefined,
    worth: Worth | undefined,
    access: Start["access"],
  ): Start[] =>
    sha256 === undefined
      ? []
      : [{ device: event.host as DeviceId, path, sha256, user: actor.user, worth, access, times: 1 }];
  if (event.kind === "judged")
    return [
      ...(event.adds.includes("program") ? start(actor.executable, actor.sha256, actor.worth, "exec") : []),
      ...(event.adds.includes("script") && event.script !== undefined
        ? start(event.script, event.scriptSha256, event.scriptWorth, "script")
        : []),
    ];
  if (event.kind === "exec")
    return [
      ...start(actor.executable, actor.sha256, actor.worth, "exec"),
      ...(event.script === undefined ? [] : start(event.script, event.scriptSha256, event.scriptWorth, "script")),
    ];
  if (event.kind === "memory" && event.what === "library")
    return start(event.name, event.sha256, event.worth, "library");
  return [];
}

interface Situated {
  readonly situation: Parameters<typeof gateDecision>[0]["situation"];
  readonly isNew: boolean;
  readonly lineage: boolean;
}

/** What the file is worth today, where it still lies there; else what it was worth when it ran. */
function openJudge({ read, judgeFor, groupsOf, from }: Rehearsed): (start: Start) => Situated {
  const here = (device: DeviceId, sha256: Sha256, path: string) => {
    const { rows } = read.executables({ device, digest: sha256, limit: 50, sort: "-standing" });
    const row = rows.find((one) => one.root + one.path === path) ?? rows[0];
    return row === undefined ? undefined : read.executable(row.id);
  };
  return ({ device, path, sha256, user, worth }) => {
    const stored = here(device, sha256, path);
    const isGenerated = worth?.basis === "generated";
    const verdict = stored === undefined || isGenerated ? verdictThen(worth) : judgeFor(device)(stored.facts).verdict;
    const purl = stored?.row.package ?? worth?.package;
    return {
      lineage: isGenerated,
      isNew: stored === undefined || stored.row.firstSeen > from,
      situation: {
        verdict,
        device: { id: device, groups: groupsOf(device)?.groups ?? [] },
        file: {
          path,
          sha256,
          ...originOf(verdict),
          ...(purl === undefined ? {} : { package: purl as Purl }),
          ...(user === undefined ? {} : { user }),
          privileged: stored?.row.privileged ?? false,
          listening: false,
        },
      },
    };
  };
}

function verdictThen(worth: Worth | undefined): Verdict {
  const standing = worth?.standing ?? "unchecked";
  const basis = worth?.basis ?? "deadline";
  return {
    standing,
    basis,
    wanted: "the file, which does not lie there any more",
    says: `It was ${standing} when it ran.`,
    chain: [],
  } as unknown as Verdict;
}

interface Decided {
  readonly action: Action;
  readonly why: string;
}

/** The gate's own answer. What always starts is stopped only by evidence against it. */
function actionOf(policy: Policy, start: Start, { situation, isNew, lineage }: Situated, at: number): Decided {
  const mode: GateMode = modeFor(policy.gate, situation.device.groups);
  if (start.access === "library" && !policy.gate.libraries)
    return { action: "allow", why: "libraries are not asked about" };
  const now = at as Instant;
  const decision = gateDecision(
    {
      situation,
      mode,
      now,
      byPlace: false,
      isNew: isNew && start.access !== "library",
      denyMs: 0,
      ...(lineage && policy.gate.lineage.hours > 0 ? { lineageUntil: (now + 1000) as Instant } : {}),
    },
    policy,
  );
  const isCore = corePaths.includes(start.path) || policy.gate.core.includes(start.path);
  if (isCore && situation.verdict.standing !== "refuted" && isStopping(decision.action))
    return { action: "record", why: "it belongs to the core that always starts" };
  return { action: decision.action, why: decision.why };
}
