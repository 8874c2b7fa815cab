import { createHash } from "node:crypto";
import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { DeviceId, Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { GateDecision } from "@provost/shared/protocol/frames.ts";
import type { Ordering, Response } from "../response/issue.ts";
import type { Store } from "../store/store.ts";
import type { Policies } from "./policies.ts";

/** More copies of one file than that wait for a person: something else is going on. */
const mostCopies = 50;

/** What is to be told, and what is then to be ordered as part of that incident. */
export interface Sealing {
  readonly sha256: Sha256;
  readonly finding: DetectedFinding;
  readonly orders: readonly { readonly device: DeviceId; readonly ordering: Ordering }[];
}

/**
 * A new file that the policy does not want was kept from starting where its ring says quarantine: it is to be sealed away there, and
 * wherever else its bytes lie on a device whose ring says so. What a guard refuses waits for a person.
 */
export function sealStopped(
  device: DeviceId,
  decision: GateDecision,
  store: Pick<Store, "commands" | "inventory" | "read">,
  policies: Pick<Policies, "seals">,
  response: Pick<Response, "preview">,
): Sealing | undefined {
  const { sha256, allowed, action } = decision;
  if (sha256 === undefined || allowed || action !== "quarantine" || !policies.seals(device)) return undefined;
  const held = new Set(store.commands.holding(sha256).map((one) => one.device));
  // Tried again while the order is on its way, or after it was carried out: nothing new.
  if (held.has(device)) return undefined;
  const here: Copy = { device, root: decision.root, within: decision.path, path: decision.root + decision.path };
  const lying = copiesOf(sha256, store).filter((copy) => copy.device !== device || copy.path !== here.path);
  const wanted = [here, ...lying.filter((copy) => policies.seals(copy.device) && !held.has(copy.device))];
  const planned = wanted.slice(0, mostCopies).map((copy) => {
    const order = { action: "quarantine-file" as const, root: copy.root, path: copy.within, sha256 };
    const { warnings, refused } = response.preview([copy.device], order);
    return { copy, order, against: [...(refused === undefined ? [] : [refused]), ...warnings].join(" ") };
  });
  const going = planned.filter(({ against }) => against === "");
  const waiting = planned.filter(({ against }) => against !== "");
  const says = ({ path, device: of }: Copy): string => `${path} on ${nameOf(store, of)}`;
  const elsewhere = lying.filter((copy) => !policies.seals(copy.device));
  return {
    sha256,
    orders: going.map(({ copy, order }) => ({
      device: copy.device,
      ordering: {
        order,
        reason: `It was stopped on ${nameOf(store, device)}: ${decision.why}`.slice(0, 1000),
        by: `policy ${decision.policy}`,
      },
    })),
    finding: findingOf(device, decision, sha256, {
      sealed: going.map(({ copy }) => says(copy)),
      waiting: [
        ...waiting.map(({ copy, against }) => `${says(copy)}: ${against}`),
        ...(wanted.length > mostCopies ? [`${wanted.length - mostCopies} more copies`] : []),
      ],
      elsewhere: elsewhere.map(says),
    }),
  };
}

interface Copy {
  readonly device: DeviceId;
  readonly root: string;
  /** Below its root. */
  readonly within: string;
  readonly path: string;
}

const copiesOf = (sha256: Sha256, { read }: Pick<Store, "read">): readonly Copy[] =>
  read
    .executables({ digest: sha256, limit: 500, sort: "-standing" })
    .rows.map(({ device, root, path }) => ({ device: device as DeviceId, root, within: path, path: root + path }));

const nameOf = ({ inventory }: Pick<Store, "inventory">, device: DeviceId): string =>
  inventory.device(device)?.name ?? device;

function findingOf(
  device: DeviceId,
  { at, path, root, why, process, code, standing, policy }: GateDecision,
  sha256: Sha256,
  found: {
    readonly sealed: readonly string[];
    readonly waiting: readonly string[];
    readonly elsewhere: readonly string[];
  },
): DetectedFinding {
  const whole = root + path;
  const outcome =
    found.waiting.length === 0
      ? "it was stopped, and is being sealed away"
      : found.sealed.length === 0
        ? "it was stopped; sealing it away waits for a person"
        : "it was stopped; sealing some of its copies away waits for a person";
  const list = (items: readonly string[]): string => items.slice(0, 20).join("\n").slice(0, 2000);
  return {
    id: createHash("sha256").update(`seal ${device} ${sha256} ${at}`).digest("hex").slice(0, 40),
    device,
    at: at as Instant,
    source: "gate",
    rule: { id: "provost.stopped-and-sealed", title: "A new file that the policy does not want was started" },
    level: standing === "refuted" ? "high" : "medium",
    techniques: [],
    sentence: `${process.executable} tried to start ${whole}, which is new and which policy ${policy} does not want: ${outcome}.`,
    subject: { kind: "file", path: whole, sha256 },
    lineage: [],
    events: [],
    provenanceChange: standing === "refuted" ? 1 : 0.5,
    facts: {
      why,
      code,
      ...(process.command === undefined ? {} : { command: process.command }),
      ...(found.sealed.length === 0 ? {} : { "to be sealed away": list(found.sealed) }),
      ...(found.waiting.length === 0 ? {} : { "waits for a person": list(found.waiting) }),
      ...(found.elsewhere.length === 0 ? {} : { "lies also, where nothing is sealed": list(found.elsewhere) }),
    },
  };
}

/** Told in the queue, so that nobody finds out by what gets through. */
export function stepBackFinding(device: DeviceId, says: string, policy: number, at: number): DetectedFinding {
  return {
    id: createHash("sha256").update(`step back ${policy} ${says} ${at}`).digest("hex").slice(0, 40),
    device,
    at: at as Instant,
    source: "gate",
    rule: { id: "provost.ring-stepped-back", title: "A ring stopped too much and went back to warn" },
    level: "medium",
    techniques: [],
    sentence: says,
    subject: { kind: "device" },
    lineage: [],
    events: [],
    facts: { policy: String(policy) },
  };
}
