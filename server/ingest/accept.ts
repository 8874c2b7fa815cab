import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import type { FileFacts, InstalledPackage } from "@provost/shared/model/inventory.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import type { Batch, Frame, GateDecision, ReportFrame } from "@provost/shared/protocol/frames.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { AuditStore, NewEntry } from "../audit/audit-store.ts";
import { eventBounds } from "../events/event-store.ts";
import type { EventBounds, EventStore } from "../events/event-store.ts";
import { gateBounds } from "../gate/gate-store.ts";
import type { GateStore } from "../gate/gate-store.ts";
import { followContainment } from "../incidents/containment.ts";
import type { IncidentStore } from "../incidents/incident-store.ts";
import type { CommandStore } from "../response/command-store.ts";
import type { Inventory } from "../store/store.ts";
import type { StoredBundle, TriageStore } from "../triage/triage-store.ts";
import type { ProofDesk } from "../trust/desk.ts";

export type Topic =
  | "devices"
  | "executables"
  | "packages"
  | "running"
  | "proofs"
  | "decisions"
  | "findings"
  | "requests"
  | "events"
  | "commands"
  | "incidents"
  | "policies"
  | "audit";

/** Where it is stored. */
export interface IngestStore {
  readonly inventory: Inventory;
  readonly gate: GateStore;
  readonly events: EventStore;
  readonly commands: Pick<CommandStore, "report" | "one" | "verified">;
  readonly incidents: Pick<IncidentStore, "one" | "put">;
  readonly audit: Pick<AuditStore, "append">;
  readonly triage: Pick<TriageStore, "put">;
}

export type Accepted =
  | {
      readonly ok: true;
      readonly upTo: number;
      readonly changes: ReadonlyMap<Topic, number>;
      /** What was new in it, for whoever looks at behaviour once it is stored. */
      readonly observed: readonly Observed[];
      /** What its gate kept from starting, as it was told. */
      readonly stopped: readonly GateDecision[];
      /** Files and packages that it told of, for whoever looks for what lists name. */
      readonly arrived: Arrived;
    }
  | { readonly ok: false; readonly why: string };

export interface Arrived {
  readonly files: readonly FileFacts[];
  readonly packages: readonly InstalledPackage[];
}

/** Who is told of what devices have and hold, for the documents about it. */
export interface AttestedNotes {
  noteFiles(device: DeviceId, files: readonly FileFacts[]): void;
  noteHeld(device: DeviceId, subject: Sha256, version: number): void;
}

const noNotes: AttestedNotes = { noteFiles: () => undefined, noteHeld: () => undefined };

/**
 * Stores one batch and only then says how far the device may forget: one transaction. Frames the store already holds are
 * passed over, so a batch sent twice changes nothing; a gap the device did not declare is refused.
 */
export function acceptBatch(
  device: DeviceId,
  batch: Batch,
  store: IngestStore,
  desk: ProofDesk,
  now: number,
  attested: AttestedNotes = noNotes,
  bounds: EventBounds = eventBounds,
): Accepted {
  const { inventory, gate, events } = store;
  return inventory.transaction(() => {
    const held = inventory.device(device)?.acknowledged ?? 0;
    const from = batch.first - batch.skipped;
    if (from > held + 1) return { ok: false, why: `frames ${held + 1} to ${from - 1} never arrived` };
    const changes = new Map<Topic, number>();
    const observed: Observed[] = [];
    const stopped: GateDecision[] = [];
    const count = (topic: Topic, by: number): void => void changes.set(topic, (changes.get(topic) ?? 0) + by);
    for (const [index, frame] of batch.frames.entries())
      if (batch.first + index > held) take(device, frame, store, desk, now, attested, count, { observed, stopped });
    if (gateTopics.some((topic) => changes.has(topic))) gate.trim(device, gateBounds);
    if (observed.length > 0) events.trim(device, bounds);
    const upTo = Math.max(held, batch.first + batch.frames.length - 1);
    inventory.acknowledge(device, upTo, now);
    return {
      ok: true,
      upTo,
      changes,
      observed,
      stopped,
      arrived: arrivedIn(batch.frames.slice(Math.max(0, held + 1 - batch.first))),
    };
  });
}

const arrivedIn = (frames: readonly Frame[]): Arrived => ({
  files: frames.flatMap((frame) => (frame.kind === "files" ? (frame.upserts as readonly FileFacts[]) : [])),
  packages: frames.flatMap((frame) =>
    frame.kind === "packages" ? (frame.upserts as readonly InstalledPackage[]) : [],
  ),
});

const gateTopics = ["decisions", "findings", "requests"] as const satisfies readonly Topic[];

function take(
  device: DeviceId,
  frame: Frame,
  { inventory, gate, events, commands, incidents, audit, triage }: IngestStore,
  desk: ProofDesk,
  now: number,
  attested: AttestedNotes,
  count: (topic: Topic, by: number) => void,
  seen: { readonly observed: Observed[]; readonly stopped: GateDecision[] },
): void {
  switch (frame.kind) {
    case "device":
    case "health":
      inventory.describe(device, frame);
      return count("devices", 1);
    case "scan":
      inventory.describe(device, frame);
      if (frame.state === "done") desk.noteChange(device);
      return count("devices", 1);
    case "archives":
      inventory.setArchives(device, frame.root, frame.sources);
      return desk.noteChange(device);
    case "packages":
      inventory.putPackages(device, frame.upserts as readonly InstalledPackage[], frame.gone, now);
      desk.noteChange(device);
      return count("packages", frame.upserts.length + frame.gone.length);
    case "files": {
      const files = frame.upserts as readonly FileFacts[];
      inventory.putFiles(device, files, frame.gone, desk.judgeFor(device), now);
      touchKnownProofs(device, files, inventory, desk);
      attested.noteFiles(device, files);
      return count("executables", frame.upserts.length + frame.gone.length);
    }
    case "running":
      inventory.putRunning(device, frame);
      return count("running", 1);
    case "lost":
      return inventory.lost(device, frame.lane, frame.count, frame.why, frame.at);
    case "held":
      for (const { root, purl, version } of frame.proofs) inventory.heldProof(device, root, purl, version);
      for (const { subject, version } of frame.attested ?? []) attested.noteHeld(device, subject, version);
      return undefined;
    case "decisions":
      seen.stopped.push(...frame.items.filter(({ allowed }) => !allowed));
      return count("decisions", gate.putDecisions(device, frame.items, now));
    case "alarms":
      return count("findings", gate.putAlarms(device, frame.items, now));
    case "request":
      return count("requests", gate.putRequest(device, frame, now));
    case "events": {
      const added = events.put(device, frame, now);
      seen.observed.push(...added);
      return count("events", added.length);
    }
    case "report": {
      const before = commands.one(frame.command)?.state;
      if (!commands.report(device, frame, now)) return undefined;
      if (before !== frame.state) {
        audit.append(reported(device, frame, now));
        count("audit", 1);
      }
      count("commands", 1);
      return count("incidents", followContainment(frame.command, commands, incidents) ? 1 : 0);
    }
    case "triage": {
      const bundle = triage.put(device, frame, now);
      if (bundle === undefined) return undefined;
      audit.append(bundled(bundle, now));
      count("audit", 1);
      return count("commands", 1);
    }
    default:
      return unreachable(frame);
  }
}

const bundled = ({ command, device, sha256, bytes, state, why }: StoredBundle, now: number): NewEntry => ({
  at: now,
  kind: "command",
  by: device,
  says: (state === "kept"
    ? `A triage bundle of ${bytes} bytes is kept`
    : `A triage bundle is not kept: ${why ?? ""}`
  ).slice(0, 2000),
  facts: { command, sha256, bytes: String(bytes) },
});

/** With the newest entry of the device's own audit: a device that changes its past is found out by it. */
const reported = (device: DeviceId, { command, state, why, entry }: ReportFrame, now: number): NewEntry => ({
  at: now,
  kind: "command",
  by: device,
  says: `The device told: ${state}${why === undefined ? "" : `, ${why}`}`.slice(0, 2000),
  facts: {
    command,
    ...(entry === undefined ? {} : { "device entry": String(entry.sequence), "device hash": entry.hash }),
  },
});

/** New files of a package whose proof is known: the device holds the proof without them. */
function touchKnownProofs(device: DeviceId, files: readonly FileFacts[], inventory: Inventory, desk: ProofDesk): void {
  const touched = new Map<string, { root: string; purl: string }>();
  for (const { root, records } of files)
    for (const { purl } of records) if (purl.startsWith("pkg:deb/")) touched.set(`${root}\n${purl}`, { root, purl });
  for (const { root, purl } of touched.values())
    if (desk.proofOf(device, root, purl) !== undefined) inventory.touchProof(device, root, purl);
}
