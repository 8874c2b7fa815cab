import * as z from "zod";
import { findingSources, incidentStates, levels } from "../model/detection.ts";
import { bases, standings } from "../model/verdict.ts";
import { many, page, paging } from "./paging.ts";

/** What people may ask about behaviour: stored events, findings and incidents. */

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.number().int().nonnegative();
const text = (max: number) => z.string().max(max);
const level = z.enum(levels);

export const WorthView = z.object({
  standing: z.enum(standings),
  basis: z.enum(bases),
  sha256: digest.optional(),
  package: text(2000).optional(),
});
export const LineageView = z.object({
  pid: z.number().int(),
  startedAt: text(30),
  executable: text(16384),
  command: text(8192),
  user: text(100).optional(),
  script: text(16384).optional(),
  worth: WorthView.optional(),
  tag: WorthView.optional(),
});
export const SubjectView = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("file"), path: text(16384), sha256: digest.optional() }),
  z.object({
    kind: z.literal("process"),
    key: z.object({ pid: z.number().int(), startedAt: text(30) }),
    path: text(16384),
  }),
  z.object({ kind: z.literal("package"), purl: text(2000) }),
  z.object({
    kind: z.literal("destination"),
    address: text(100),
    port: z.number().int().optional(),
    name: text(300).optional(),
  }),
  z.object({ kind: z.literal("device") }),
]);

/** One thing that a rule recognised. */
export const DetectionRow = z.object({
  id: text(100),
  device: z.string(),
  deviceName: text(255),
  at: time,
  source: z.enum(findingSources),
  rule: z.object({
    id: text(200),
    title: text(500),
    author: text(500).optional(),
    license: text(200).optional(),
    references: z.array(text(2000)).readonly().optional(),
  }),
  level,
  techniques: z.array(text(20)).readonly(),
  sentence: text(2000),
  subject: SubjectView,
  lineage: z.array(LineageView).readonly(),
  events: z.array(text(100)).readonly(),
  facts: z.record(z.string(), z.string()),
  /** How often the fleet did so before, in sentences: its bytes, who started it, whom it called. */
  usual: z.array(text(10_000)).readonly().optional(),
  incident: text(60).optional(),
});

/** One event of a device as it is kept, in one line and in its fields. */
export const EventRow = z.object({
  id: text(100),
  device: z.string(),
  deviceName: text(255),
  at: time,
  kind: z.enum(["exec", "judged", "exit", "file", "connection", "listen", "module", "reach", "memory"]),
  says: text(2000),
  process: LineageView,
  facts: z.record(z.string(), z.string()),
});

/** score = provenance change x behaviour x rarity, each between 0 and its `most`, with the sentence that says why. */
export const ScoreTerm = z.object({
  term: z.enum(["provenance change", "behaviour", "rarity"]),
  value: z.number(),
  most: z.number(),
  says: text(1000),
});

export const IncidentRow = z.object({
  id: text(60),
  device: z.string(),
  deviceName: text(255),
  state: z.enum(incidentStates),
  severity: level,
  /** 0 to 100. */
  score: z.number(),
  sentence: text(2000),
  techniques: z.array(text(20)),
  findings: z.number().int(),
  openedAt: time,
  lastAt: time,
  /** Devices beside this one on which bytes lie that it is about, counted over 2,000 places at most. */
  elsewhere: z.number().int(),
  /** What containment stands: names of actions that are executed or verified and not reverted. */
  contained: z.array(text(40)),
});

export const TreeProcess = LineageView.extend({
  parent: text(60).optional(),
  /** Depth below the incident's first process; the rows come in the order in which they are shown. */
  depth: z.number().int(),
  at: time,
  endedAt: time.optional(),
  /** Findings this process completed. */
  findings: z.array(text(100)),
  /** The executable's id in the inventory, where it is there. */
  executableId: z.string().optional(),
});

export const IncidentDetail = IncidentRow.extend({
  terms: z.array(ScoreTerm),
  tree: z.array(TreeProcess),
  /** Findings and actions by time; the newest last. */
  timeline: z.array(
    z.object({
      at: time,
      kind: z.enum(["finding", "action", "state", "lost"]),
      level: level.optional(),
      says: text(2000),
      ref: text(100).optional(),
    }),
  ),
  detections: z.array(DetectionRow),
  blast: z.array(
    z.object({
      device: z.string(),
      deviceName: text(255),
      by: z.enum(["digest", "package", "signer"]),
      what: text(2000),
      running: z.number().int(),
    }),
  ),
  /** What this device's sensor lost or could not see while it happened, in words; empty: nothing. */
  blind: z.array(z.object({ at: time, says: text(1000), count: z.number().int() })),
  /** Actions that fit, best first; what the console offers. `order` is what POST /commands takes. */
  suggested: z.array(z.object({ title: text(200), why: text(500), order: z.unknown() })),
  closedBy: text(200).optional(),
  closedWhy: text(1000).optional(),
});

export const IncidentQuery = z.object({
  ...paging,
  q: text(400).optional(),
  device: text(60).optional(),
  state: many(incidentStates),
  severity: many(levels),
  sort: z.enum(["-lastAt", "lastAt", "-score", "score"]).default("-lastAt"),
});
export const DetectionQuery = z.object({
  ...paging,
  q: text(400).optional(),
  device: text(60).optional(),
  level: many(levels),
  source: many(findingSources),
  incident: text(60).optional(),
  sort: z.enum(["-at", "at"]).default("-at"),
});
export const EventQuery = z.object({
  ...paging,
  q: text(400).optional(),
  device: text(60).optional(),
  kind: many(["exec", "judged", "exit", "file", "connection", "listen", "module", "reach", "memory"]),
  digest: digest.optional(),
  from: z.coerce.number().int().optional(),
  to: z.coerce.number().int().optional(),
  sort: z.enum(["-at", "at"]).default("-at"),
});
export const CloseIncident = z.object({ state: z.enum(["open", "closed"]), why: text(1000) });
export const Incidents = page(IncidentRow);
export const Detections = page(DetectionRow);
/** `dropped`: how many older ones went, because of their number, their size or their age. */
export const Events = page(EventRow).extend({ dropped: z.number().int() });
