import { readPolicy } from "../../shared/policy/policy.ts";
import type { Answer, Query } from "../../shared/protocol/api.ts";

type Policies = Answer<"policies">;
type PolicyData = Answer<"policy">;
type DeviceRow = Answer<"devices">["rows"][number];

/** Policies of a made-up fleet. Words are read as the server reads them; what is published holds until `forget`. */
export interface PolicyScene {
  list(): Policies;
  one(number: number): PolicyData | undefined;
  rehearse(draft: Query<"rehearsePolicy">): Answer<"rehearsePolicy">;
  publish(draft: Query<"publishPolicy">): Answer<"publishPolicy">;
  turnOn(group: string): void;
}

export function policyScene(now: number, devices: readonly DeviceRow[]): PolicyScene {
  const published: PolicyData[] = devices.length === 0 ? [] : [wordsOf(12, now), wordsOf(11, now - 9e8)];
  const list = (): Policies => ({
    published: published.map(({ yaml: _yaml, rings: _rings, steppedBack: _steps, ...row }) => row),
    sources: devices.length === 0 ? { server: 0, file: 0, builtIn: 0 } : { server: 7, file: 2, builtIn: 1 },
    groups:
      devices.length === 0
        ? []
        : [
            { group: "", devices: 6, modes: ["record"] },
            { group: "canary", devices: 3, modes: ["warn"] },
            { group: hostileGroup, devices: 1, modes: ["record", "hold"] },
          ],
    faults: devices.slice(7, 8).map(({ id, name }) => ({
      device: id,
      deviceName: name,
      why: "gate.rings: this agent (0.0.9) knows no mode quarantine",
    })),
  });
  return {
    list,
    one: (number) => published.find((each) => each.number === number),
    rehearse: ({ yaml, days = 14 }) => {
      const read = readPolicy(yaml);
      const from = now - days * 86_400_000;
      return read.ok ? { ...rehearsed, from, to: Date.now() } : { ...nothing, ok: false, why: read.why, from, to: now };
    },
    publish: ({ yaml, why }) => {
      const read = readPolicy(yaml);
      if (!read.ok) throw new Error(read.why);
      const { number, gate } = read.policy;
      for (const one of published) Object.assign(one, { current: false, devices: 0 });
      const rings = [...gate.rings, { group: "", mode: gate.mode }];
      published.unshift({
        ...wordsOf(number, Date.now()),
        yaml,
        why,
        by: "owner",
        rings: rings.map((ring) => ({ ...ring, now: ring.mode, devices: 1 })),
        steppedBack: [],
      });
      return { number };
    },
    turnOn: (group) => {
      const [current] = published;
      for (const step of current?.steppedBack ?? [])
        if (step.group === group) Object.assign(step, { endedAt: Date.now(), endedBy: "owner" });
      for (const ring of current?.rings ?? []) if (ring.group === group) ring.now = ring.mode;
    },
  };
}

const hostileGroup = "<b>\u202Eforged</b>";

export const fixtureYaml = (number: number): string => `# Our fleet's policy
number: ${number}
mode: enforce
require:
  - name: something claims it
    standing: [proven, signed, unproven]
    basis: [reproduced, source, publisher, pinned, recorded, generated]
    otherwise: { unproven: block, unchecked: record }
gate:
  mode: record
  rings:
    - { group: canary, mode: ${number > 11 ? "block" : "warn"} }
    - { group: staff, mode: warn }
  stepBack: { files: 20, minutes: 10 }
`;

const wordsOf = (number: number, at: number): PolicyData => {
  const isNewest = number > 11;
  return {
    number,
    by: number === 11 ? "hana" : "owner",
    at,
    why: isNewest ? "Canaries stop what nothing claims <b>now</b>" : "A first look, \u202Eand no more",
    current: isNewest,
    devices: isNewest ? 7 : 0,
    yaml: fixtureYaml(number),
    rings: [
      { group: "canary", mode: isNewest ? "block" : "warn", now: "warn", devices: 3 },
      { group: "staff", mode: "warn", now: "warn", devices: 0 },
      { group: "", mode: "record", now: "record", devices: 7 },
    ],
    steppedBack: isNewest
      ? [
          {
            group: "canary",
            from: "block",
            to: "warn",
            at,
            why: "24 different files were stopped within 10 minutes on 3 of its 3 devices, and its limit is 20.",
          },
          {
            group: "staff",
            from: "hold",
            to: "warn",
            at: at - 60_000,
            why: "21 different files were stopped within 10 minutes on 1 of its 1 devices, and its limit is 20.",
            endedAt: at,
            endedBy: "hana",
          },
        ]
      : [],
  };
};

const nothing = { executions: 0, devices: 0, counts: {}, stoppedFiles: 0, stopped: [], changed: [] };

const rehearsed: Omit<Answer<"rehearsePolicy">, "from" | "to"> = {
  ok: true,
  executions: 48_120,
  devices: 8,
  counts: { allow: 47_001, record: 1000, block: 119 },
  uncounted: 12,
  unread: 1,
  stoppedFiles: 3,
  stopped: [
    {
      path: "/opt/acme/bin/deploy",
      digest: "77".repeat(32),
      action: "block",
      why: "Nothing claims these bytes.",
      times: 117,
      devices: 7,
      deviceNames: ["build-07.prague", "web-01", "web-02", "db-primary", "laptop-\u202ereversed"],
    },
    {
      path: `/srv/${"deeply-nested-folder/".repeat(30)}\u202Etxt.sh`,
      digest: "78".repeat(32),
      action: "block",
      why: "Only <script>alert(1)</script> says so.",
      times: 1,
      devices: 1,
      deviceNames: ["vault"],
    },
    { path: "/tmp/gone", action: "hold", why: "It could not be read.", times: 1, devices: 1, deviceNames: ["vault"] },
  ],
  changed: [
    { path: "/opt/acme/bin/deploy", digest: "77".repeat(32), before: "record", after: "block", times: 117 },
    { path: "/tmp/gone", before: "warn", after: "hold", times: 1 },
  ],
};
