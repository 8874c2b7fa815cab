import { hash } from "node:crypto";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import type { GateMode, Ring } from "@provost/shared/model/gate.ts";
import { gateModes } from "@provost/shared/model/gate.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import { policyContext } from "@provost/shared/model/published-policy.ts";
import type { PublishedPolicy } from "@provost/shared/model/published-policy.ts";
import { defaultPolicy } from "@provost/shared/policy/default-policy.ts";
import { modeFor, ringFor, stops, withStepsBack } from "@provost/shared/policy/gate.ts";
import { readPolicy } from "@provost/shared/policy/policy.ts";
import type { Policy } from "@provost/shared/policy/rules.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import type { Audit } from "../audit/audit.ts";
import { signWith } from "../edge/keys.ts";
import type { Store } from "../store/store.ts";
import type { ProofDesk } from "../trust/desk.ts";
import type { StepBack, StoredIssue } from "./policy-store.ts";
import { rehearse } from "./rehearse.ts";

const dayMs = 86_400_000;
/** So many of the newest events are rehearsed over. */
const mostEvents = 1_000_000;
/** What a rehearsal said is good for so long: then other things ran. */
const rehearsedMs = 3_600_000;
const mostPolicies = 200;
const to: GateMode = "warn";

export interface Policies {
  /** What devices are to be sent; undefined: nobody has published a policy. */
  issue(): StoredIssue | undefined;
  list(): Answer<"policies">;
  detail(number: number): Answer<"policy"> | undefined;
  rehearse(yaml: string, days: number): Promise<Answer<"rehearsePolicy">>;
  /** Throws with the reason; then nothing changed. */
  publish(draft: { readonly yaml: string; readonly why: string; readonly seenStopped: number }, by: string): number;
  /** A ring that stepped back does again what its policy says. */
  turnOn(group: string, why: string, by: string): void;
  /** Something was kept from starting: a ring that stops too much steps back. */
  stopped(device: DeviceId): StepBack | undefined;
  /** Whether new files that are blocked are to be sealed away on this device, as the policy stands now. */
  seals(device: DeviceId): boolean;
}

/** The fleet's policy: published by a person after a rehearsal, signed, sent, and held back by itself where it stops too much. */
export function openPolicies(
  store: Pick<Store, "access" | "inventory" | "policies" | "events" | "read">,
  desk: Pick<ProofDesk, "judgeFor">,
  audit: Audit,
  now: () => number,
  /** There is something to send, and to show. */
  changed: () => void,
): Policies {
  const { policies } = store;
  const { privateKey } = store.access.serverKey();
  let isRehearsing = false;
  const rehearsals = new Map<string, { readonly stopped: number; readonly at: number }>();

  const readStored = (yaml: string): Policy | undefined => {
    const read = readPolicy(yaml);
    return read.ok ? read.policy : undefined;
  };
  let read: { readonly issue: number; readonly policy: Policy | undefined } | undefined;
  /** As devices have it, steps back included. Read once for each issue: gates that stop much ask often. */
  const present = (): Policy | undefined => {
    const issue = policies.issue()?.issue ?? 0;
    if (read?.issue !== issue) read = { issue, policy: readPresent() };
    return read.policy;
  };
  const readPresent = (): Policy | undefined => {
    const newest = policies.newest();
    const policy = newest === undefined ? undefined : readStored(newest.yaml);
    if (policy === undefined) return undefined;
    return { ...policy, gate: withStepsBack(policy.gate, ringsOf(policies.stepsBack(policy.number))) };
  };

  /** The caller holds the transaction. */
  const issueNew = (by: string): void => {
    const newest = policies.newest();
    if (newest === undefined) return;
    const issue = (policies.issue()?.issue ?? 0) + 1;
    const published: PublishedPolicy = {
      issue,
      yaml: newest.yaml,
      steppedBack: ringsOf(policies.stepsBack(newest.number)),
      at: now(),
      by: by.slice(0, 200),
    };
    const body = canonicalJson(published);
    const signature = signWith(privateKey, Buffer.from(`${policyContext}\n${body}`));
    policies.addIssue({ issue, policy: newest.number, body, signature });
  };

  const stepBack = (ring: Ring, why: string, policy: number): StepBack => {
    const step: StepBack = { policy, group: ring.group, from: ring.mode, to, at: now(), why };
    store.inventory.transaction(() => {
      policies.addStepBack(step);
      issueNew("this server");
      audit.note("policy", "this server", `${ringSays(ring.group)} steps back from ${ring.mode} to ${to}: ${why}`, {
        policy: String(policy),
        ring: ring.group,
        from: ring.mode,
        to,
      });
    });
    changed();
    return step;
  };

  const rehearseOne = async (yaml: string, days: number): Promise<Answer<"rehearsePolicy">> => {
    const read = readPolicy(yaml);
    const at = now();
    const from = at - days * dayMs;
    if (!read.ok) return { ok: false, why: read.why.slice(0, 2000), ...nothing(from, at) };
    const gates = new Map(policies.gates().map((gate) => [gate.device, gate]));
    const held = present();
    const own = (device: DeviceId): Policy => {
      if (held !== undefined) return held;
      return { ...defaultPolicy, gate: { ...defaultPolicy.gate, mode: gates.get(device)?.mode ?? "record" } };
    };
    const whole = await rehearse(read.policy, own, {
      events: () => store.events.since(from, mostEvents),
      groupsOf: (device) => gates.get(device),
      isRuled: (device) => gates.get(device)?.policy?.from !== "file",
      read: store.read,
      judgeFor: (device) => desk.judgeFor(device),
      now: at,
      from,
    });
    for (const [name, { at }] of rehearsals) if (now() - at > rehearsedMs) rehearsals.delete(name);
    rehearsals.set(nameOf(yaml), { stopped: whole.stoppedFiles, at: now() });
    return { ok: true, ...whole };
  };

  return {
    issue: () => policies.issue(),
    list() {
      const gates = policies.gates();
      const rows = policies.policies(mostPolicies);
      const current = rows[0]?.number;
      const held = new Map<number, number>();
      for (const { policy } of gates)
        if (policy?.from === "server") held.set(policy.number, (held.get(policy.number) ?? 0) + 1);
      const sources = { server: 0, file: 0, builtIn: 0 };
      for (const { policy } of gates)
        sources[policy?.from === "file" ? "file" : policy?.from === "server" ? "server" : "builtIn"] += 1;
      return {
        published: rows.map(({ yaml: _yaml, ...row }) => ({
          ...row,
          current: row.number === current,
          devices: held.get(row.number) ?? 0,
        })),
        sources,
        groups: groupsOf(gates),
        faults: gates
          .flatMap(({ device, name, policy }) =>
            policy?.fault === undefined ? [] : [{ device, deviceName: name, why: policy.fault }],
          )
          .slice(0, 100),
      };
    },
    detail(number) {
      const stored = policies.one(number);
      if (stored === undefined) return undefined;
      const newest = policies.newest()?.number === number;
      const read = readStored(stored.yaml);
      const steps = policies.allStepsBack(number);
      const open = ringsOf(policies.stepsBack(number));
      const gates = policies.gates();
      const rings = read === undefined ? [] : [...read.gate.rings, { group: "", mode: read.gate.mode }];
      const now_ = read === undefined ? undefined : withStepsBack(read.gate, open);
      return {
        number,
        by: stored.by,
        at: stored.at,
        why: stored.why,
        yaml: stored.yaml,
        current: newest,
        devices: gates.filter(({ policy }) => policy?.from === "server" && policy.number === number).length,
        rings: rings.map((ring) => ({
          ...ring,
          now: now_ === undefined ? ring.mode : modeOfRing(now_, ring.group),
          devices:
            read === undefined
              ? 0
              : gates.filter(({ groups }) => ringFor(read.gate, groups).group === ring.group).length,
        })),
        steppedBack: steps.map(({ group, from, to: mode, at, why, endedAt, endedBy }) => ({
          group,
          from,
          to: mode,
          at,
          why,
          ...(endedAt === undefined ? {} : { endedAt }),
          ...(endedBy === undefined ? {} : { endedBy }),
        })),
      };
    },
    async rehearse(yaml, days) {
      if (isRehearsing)
        throw new AppError("LIMIT", "another policy is being rehearsed", { remedy: "try again in a moment" });
      isRehearsing = true;
      try {
        return await rehearseOne(yaml, days);
      } finally {
        isRehearsing = false;
      }
    },
    publish({ yaml, why, seenStopped }, by) {
      const read = readPolicy(yaml);
      if (!read.ok) throw new AppError("CONFIG_INVALID", `the policy cannot be read: ${read.why}`);
      const { number } = read.policy;
      const newest = policies.newest();
      if (newest !== undefined && number <= newest.number)
        throw new AppError(
          "CONFIG_INVALID",
          `number: ${number} is not above ${newest.number}, the newest that was published`,
          {
            remedy: `write number: ${newest.number + 1}`,
          },
        );
      const rehearsed = rehearsals.get(nameOf(yaml));
      if (rehearsed === undefined || now() - rehearsed.at > rehearsedMs)
        throw new AppError("NOT_ALLOWED", "these very words were not rehearsed within the last hour", {
          remedy: "rehearse the policy, and look at what it would have stopped",
        });
      if (rehearsed.stopped !== seenStopped)
        throw new AppError(
          "NOT_ALLOWED",
          `the rehearsal would have stopped ${rehearsed.stopped} files, and ${seenStopped} was read back`,
          { remedy: "look at the rehearsal's result, and publish with its number" },
        );
      store.inventory.transaction(() => {
        policies.add({ number, yaml, at: now(), by, why });
        issueNew(by);
        audit.note("policy", by, `Published policy ${number}: ${why}`, {
          policy: String(number),
          sha256: nameOf(yaml),
          rings: [...read.policy.gate.rings, { group: "", mode: read.policy.gate.mode }]
            .map((ring) => `${ring.group === "" ? "all others" : ring.group}: ${ring.mode}`)
            .join(", "),
          "would have stopped": String(rehearsed.stopped),
        });
      });
      changed();
      return number;
    },
    turnOn(group, why, by) {
      const newest = policies.newest();
      const step =
        newest === undefined ? undefined : policies.stepsBack(newest.number).find((one) => one.group === group);
      if (newest === undefined || step === undefined)
        throw new AppError("NOT_FOUND", `${ringSays(group)} has not stepped back`);
      store.inventory.transaction(() => {
        policies.endStepBack(newest.number, group, by, now());
        issueNew(by);
        audit.note("policy", by, `${ringSays(group)} is turned on again: ${step.from} after ${step.to}`, {
          policy: String(newest.number),
          ring: group,
          reason: why,
        });
      });
      changed();
    },
    stopped(device) {
      const policy = present();
      const gate = policies.gate(device);
      if (policy === undefined || gate?.policy?.from !== "server" || gate.policy.number !== policy.number)
        return undefined;
      const ring = ringFor(policy.gate, gate.groups);
      if (!stops(ring.mode)) return undefined;
      const { files, minutes } = policy.gate.stepBack;
      const since = Math.max(now() - minutes * 60_000, lastTurn(policies.allStepsBack(policy.number), ring.group));
      const counts = policies.stoppedFiles(since);
      const stoppedAnywhere = [...counts.values()].reduce((all, count) => all + count, 0);
      if (stoppedAnywhere <= files) return undefined;
      const beside = policies.gates().filter((one) => ringFor(policy.gate, one.groups).group === ring.group);
      // One device alone does not turn a ring of several off: whoever holds it could run rubbish until the rest stand open.
      const each = Math.ceil((files + 1) / Math.min(3, beside.length));
      const sum = beside.reduce((all, one) => all + Math.min(each, counts.get(one.device) ?? 0), 0);
      if (sum <= files) return undefined;
      const stopping = beside.filter((one) => (counts.get(one.device) ?? 0) > 0);
      const whole = stopping.reduce((all, one) => all + (counts.get(one.device) ?? 0), 0);
      return stepBack(
        ring,
        `${whole} different files were stopped within ${minutes} minutes on ${stopping.length} of its ${beside.length} devices, and its limit is ${files}.`,
        policy.number,
      );
    },
    seals(device) {
      const gate = policies.gate(device);
      // A device that a file of its own rules says itself what its mode is: it can ask for its own files only.
      if (gate?.policy?.from !== "server") return gate?.mode === "quarantine";
      const policy = present();
      return policy !== undefined && modeFor(policy.gate, gate.groups) === "quarantine";
    },
  };
}

/** Before it, what was stopped was already answered for: by stepping back, or by a person who looked. */
const lastTurn = (steps: readonly { readonly group: string; readonly endedAt?: number }[], group: string): number =>
  Math.max(0, ...steps.filter((step) => step.group === group).map(({ endedAt }) => endedAt ?? 0));

const nameOf = (yaml: string): string => hash("sha256", yaml, "hex");
const ringsOf = (steps: readonly StepBack[]): Ring[] => steps.map(({ group, to: mode }) => ({ group, mode }));
export const ringSays = (group: string): string => (group === "" ? "The ring of all others" : `Ring ${group}`);
const modeOfRing = (gate: Policy["gate"], group: string): GateMode =>
  group === "" ? gate.mode : (gate.rings.find((ring) => ring.group === group)?.mode ?? gate.mode);

const nothing = (from: number, at: number): Omit<Answer<"rehearsePolicy">, "ok"> => ({
  from,
  to: at,
  executions: 0,
  devices: 0,
  counts: {},
  stoppedFiles: 0,
  stopped: [],
  changed: [],
});

/** Groups that devices name, with how many are in each, and the modes their gates are in. */
function groupsOf(
  gates: readonly { readonly groups: readonly string[]; readonly mode: GateMode }[],
): Answer<"policies">["groups"] {
  const all = new Map<string, { devices: number; modes: Set<GateMode> }>();
  const note = (group: string, mode: GateMode): void => {
    const known = all.get(group) ?? { devices: 0, modes: new Set<GateMode>() };
    known.devices += 1;
    known.modes.add(mode);
    all.set(group, known);
  };
  for (const { groups, mode } of gates) for (const group of groups.length === 0 ? [""] : groups) note(group, mode);
  return [...all]
    .map(([group, { devices, modes }]) => ({ group, devices, modes: gateModes.filter((mode) => modes.has(mode)) }))
    .toSorted((a, b) => (a.group < b.group ? -1 : 1))
    .slice(0, 500);
}
