import * as z from "zod";
import { levels } from "../model/detection.ts";
import { gateModes, tiers } from "../model/gate.ts";
import { bases, linkKinds, standings } from "../model/verdict.ts";
import { roles } from "../model/role.ts";
import {
  DecisionQuery,
  Decisions,
  FindingQuery,
  Findings,
  FleetDecisionQuery,
  FleetFindingQuery,
  GateSummary,
  RequestQuery,
  Requests,
} from "./gate-api.ts";
import {
  CloseIncident,
  DetectionQuery,
  Detections,
  EventQuery,
  Events,
  IncidentDetail,
  IncidentQuery,
  Incidents,
} from "./incident-api.ts";
import {
  Audit,
  AuditChain,
  AuditQuery,
  CommandPreview,
  CommandQuery,
  Commands,
  DecideRequest,
  DecidedRequest,
  DraftPolicy,
  PolicyDetail,
  PolicyList,
  PublishPolicy,
  PublishedNumber,
  Rehearsal,
  TurnOnRing,
  IssuedCommands,
  NewCommand,
} from "./response-api.ts";
import { many, page, paging, yes } from "./paging.ts";

export * from "./gate-api.ts";
export * from "./incident-api.ts";
export * from "./response-api.ts";

/**
 * What people, the console and the command line may ask of the server. One table is at once the routes, the validation,
 * the console's types and the OpenAPI document (server/api/openapi.ts). Times are milliseconds since 1970 (UTC).
 */

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.number().int().nonnegative();
const text = (max: number) => z.string().max(max);
const standing = z.enum(standings);
const basis = z.enum(bases);
const ecosystem = z.enum(["deb", "npm", "pypi"]);
const fileKind = z.enum(["elf", "library", "script", "mapped"]);

const EvidenceRef = z.object({ sha256: digest, mediaType: text(200), title: text(400) });
const ChainLink = z.object({
  link: z.enum(linkKinds),
  state: z.enum(["verified", "recorded", "missing", "failed"]),
  says: text(2000),
  facts: z.record(z.string(), z.string()).optional(),
  evidence: z.array(EvidenceRef).readonly().optional(),
});

const Counts = z.object({
  total: z.number().int(),
  standings: z.record(standing, z.number().int()),
  bases: z.partialRecord(basis, z.number().int()),
});

const Scan = z.object({
  state: z.enum(["never", "walking", "hashing", "proving", "done", "failed"]),
  filesSeen: z.number().int(),
  executables: z.number().int(),
  hashed: z.number().int(),
  toHash: z.number().int(),
  startedAt: time.optional(),
  endedAt: time.optional(),
  says: text(1000).optional(),
});

/** Manifests of signed archives, per package version: what the server derived, and what it could not and why. */
const Proofs = z.object({
  wanted: z.number().int(),
  derived: z.number().int(),
  lapsed: z.number().int(),
  unsupported: z.number().int(),
  failed: z.number().int(),
  pending: z.number().int(),
});

export const DeviceRow = z.object({
  id: z.string(),
  name: text(255),
  os: text(200),
  kernel: text(200),
  arch: text(40),
  mode: z.enum(gateModes),
  tier: z.enum(tiers),
  online: z.boolean(),
  /** Of a device that is not online: it closed its connection in order. */
  stopped: z.boolean(),
  lastSeen: time,
  enrolledAt: time,
  packages: z.number().int(),
  executables: Counts,
  running: Counts,
  scan: Scan,
});

/** What the agent on this device could not see, in words: an unprivileged run, an unreadable folder, a lost event. */
const Blind = z.object({ what: text(400), count: z.number().int(), why: text(1000) });
const Archive = z.object({
  uri: text(2000),
  suite: text(200),
  components: z.array(text(200)),
  state: z.enum(["pending", "verified", "refused", "unreachable", "stale"]),
  says: text(2000),
  signedBy: z.array(z.object({ fingerprint: text(80), name: text(400) })),
  releaseDate: time.optional(),
  validUntil: time.optional(),
});

export const DeviceDetail = DeviceRow.extend({
  facts: z.record(z.string(), z.string()),
  health: z.object({
    agentVersion: text(60),
    rssBytes: z.number().int(),
    cpuShare: z.number(),
    spooledFrames: z.number().int(),
    spooledBytes: z.number().int(),
    lostFrames: z.number().int(),
    at: time,
  }),
  blind: z.array(Blind),
  archives: z.array(Archive),
  proofs: Proofs,
  gate: GateSummary,
});

/** One place where a digest lies on one device. The same digest in two places may deserve two verdicts. */
export const ExecutableRow = z.object({
  id: z.string(),
  device: z.string(),
  deviceName: text(255),
  path: text(16384),
  /** Empty for the device's own root; else the container's or chroot's root as the device sees it. */
  root: text(16384),
  digest: digest.optional(),
  size: z.number().int(),
  kind: fileKind,
  package: text(2000).optional(),
  standing,
  basis,
  says: text(2000),
  running: z.number().int(),
  privileged: z.boolean(),
  firstSeen: time,
  changedAt: time,
});

export const ProcessRow = z.object({
  pid: z.number().int(),
  parent: z.number().int(),
  startedAt: time,
  /** Nanoseconds from the machine's start to this process's; with the pid it is the `process` of an order. */
  sinceBoot: text(30).optional(),
  user: text(100),
  command: text(4096),
  executable: z.string().optional(),
  path: text(16384),
  standing,
  basis,
  /** The worst standing among the executable, the script it interprets and the libraries it maps. */
  worst: standing,
  mapped: z.array(
    z.object({ executable: z.string().optional(), path: text(16384), standing, basis, note: text(200).optional() }),
  ),
  container: text(300).optional(),
});

export const ExecutableDetail = ExecutableRow.extend({
  chain: z.array(ChainLink).readonly(),
  wanted: text(2000).optional(),
  slsaLevel: z.number().int().optional(),
  trustVersion: text(100),
  judgedAt: time,
  identity: z.record(z.string(), z.string()),
  processes: z.array(ProcessRow.pick({ pid: true, parent: true, startedAt: true, user: true, command: true })),
  elsewhere: z.array(
    z.object({
      id: z.string(),
      device: z.string(),
      deviceName: text(255),
      path: text(16384),
      root: text(16384),
      standing,
      basis,
    }),
  ),
  /** What the evidence library holds about these bytes, the archive they came in, or their package; 50 at most. */
  documents: z.array(
    z.object({
      sha256: digest,
      kind: text(100),
      mediaType: text(200),
      name: text(500).optional(),
      about: z.enum(["file", "archive", "package"]),
      from: text(1000),
      addedAt: time,
      size: z.number().int(),
    }),
  ),
  /** Earlier digests of the same path on the same device, newest first. */
  history: z.array(z.object({ digest: digest.optional(), standing, basis, from: time, to: time.optional() })),
});

export const PackageRow = z.object({
  purl: text(2000),
  ecosystem,
  name: text(400),
  version: text(400),
  arch: text(40).optional(),
  origin: text(400).optional(),
  devices: z.number().int(),
  files: z.number().int(),
  executables: Counts,
  proof: z.enum(["derived", "lapsed", "unsupported", "failed", "pending", "none"]),
  says: text(2000),
});

export const PackageDetail = PackageRow.extend({
  chain: z.array(ChainLink).readonly(),
  installs: z.array(z.object({ device: z.string(), deviceName: text(255), location: text(32768), firstSeen: time })),
});

export const Overview = z.object({
  devices: z.object({ total: z.number().int(), online: z.number().int(), silent: z.number().int() }),
  packages: z.object({ total: z.number().int(), byEcosystem: z.record(z.string(), z.number().int()) }),
  executables: Counts,
  running: Counts,
  proofs: Proofs,
  scans: z.array(z.object({ device: z.string(), deviceName: text(255), scan: Scan })),
  /** Newest first, at most 20: what is refuted, and what runs unproven. */
  refuted: z.array(ExecutableRow),
  newUnproven: z.array(ExecutableRow),
  gate: GateSummary,
  /** Incidents that are open, neither contained nor closed, by their severity. */
  openIncidents: z.record(z.enum(levels), z.number().int()),
  now: time,
});

export const DeviceQuery = z.object({
  ...paging,
  q: text(200).optional(),
  sort: z.enum(["name", "-name", "lastSeen", "-lastSeen"]).default("name"),
});
export const ExecutableQuery = z.object({
  ...paging,
  q: text(400).optional(),
  device: text(60).optional(),
  standing: many(standings),
  basis: many(bases),
  kind: many(["elf", "library", "script", "mapped"]),
  running: yes,
  package: text(2000).optional(),
  digest: digest.optional(),
  sort: z
    .enum(["path", "-path", "changedAt", "-changedAt", "running", "-running", "size", "-size", "standing", "-standing"])
    .default("-standing"),
});
export const PackageQuery = z.object({
  ...paging,
  q: text(400).optional(),
  device: text(60).optional(),
  ecosystem: many(["deb", "npm", "pypi"]),
  proof: many(["derived", "lapsed", "unsupported", "failed", "pending", "none"]),
  sort: z.enum(["name", "-name", "devices", "-devices", "executables", "-executables"]).default("name"),
});
const None = z.object({});

export const Session = z.object({
  user: text(200),
  role: z.enum(roles),
  signedInAt: time,
  csrf: text(100),
});
export const EnrolmentToken = z.object({
  token: text(400),
  expiresAt: time,
  /** The one line to paste. */
  command: text(2000),
  /** For a device that has the package already. */
  installed: text(2000).optional(),
  /** Fetch, verify, install, enrol: a line each, for who looks first. */
  verifyFirst: z.array(text(2000)).max(10).optional(),
});
export const SearchHit = z.object({
  kind: z.enum(["device", "executable", "package", "incident"]),
  id: text(2000),
  title: text(16384),
  detail: text(16384),
  standing: standing.optional(),
});
/** One line of `GET /api/v1/live` (server-sent events): what changed, so that a page can offer "37 new". */
export const LiveEvent = z.object({
  topic: z.enum([
    "devices",
    "executables",
    "packages",
    "running",
    "proofs",
    "decisions",
    "findings",
    "requests",
    "events",
    "commands",
    "incidents",
    "policies",
    "audit",
  ]),
  device: z.string().optional(),
  changed: z.number().int(),
  at: time,
});
/** RFC 9457. `code` is one of docs/errors.md. */
export const Problem = z.object({ title: z.string(), status: z.number().int(), detail: z.string(), code: z.string() });

const get = <Q extends z.ZodType, R extends z.ZodType>(path: string, doc: string, query: Q, answer: R) => ({
  method: "GET" as const,
  path,
  doc,
  query,
  answer,
});
const post = <Q extends z.ZodType, R extends z.ZodType>(path: string, doc: string, query: Q, answer: R) => ({
  method: "POST" as const,
  path,
  doc,
  query,
  answer,
});

export const api = {
  session: get("/api/v1/session", "Who is signed in", None, Session),
  signOut: post("/api/v1/session/end", "Ends this session", None, None),
  overview: get("/api/v1/overview", "The fleet in one answer", None, Overview),
  devices: get("/api/v1/devices", "Devices, sorted and paged by the server", DeviceQuery, page(DeviceRow)),
  device: get("/api/v1/devices/:id", "One device with coverage, health and archives", None, DeviceDetail),
  processes: get(
    "/api/v1/devices/:id/processes",
    "What runs on a device now, each with its verdict",
    None,
    z.object({ rows: z.array(ProcessRow), at: time }),
  ),
  deviceDecisions: get(
    "/api/v1/devices/:id/decisions",
    "What the gate of one device decided",
    DecisionQuery,
    Decisions,
  ),
  deviceAlarms: get(
    "/api/v1/devices/:id/alarms",
    "What was wrong with the watch over one device",
    FindingQuery,
    Findings,
  ),
  decisions: get("/api/v1/decisions", "What the gates of all devices decided", FleetDecisionQuery, Decisions),
  findings: get(
    "/api/v1/findings",
    "What was wrong with the watch, and devices that fell silent",
    FleetFindingQuery,
    Findings,
  ),
  events: get("/api/v1/events", "What devices saw happen, as they are kept", EventQuery, Events),
  incidents: get("/api/v1/incidents", "Findings that belong together, each as one story", IncidentQuery, Incidents),
  incident: get(
    "/api/v1/incidents/:id",
    "One incident: terms, processes, timeline, other devices, what was not seen",
    None,
    IncidentDetail,
  ),
  closeIncident: post(
    "/api/v1/incidents/:id/state",
    "Closes an incident, or opens it again, with the reason",
    CloseIncident,
    None,
  ),
  detections: get(
    "/api/v1/detections",
    "What rules recognised in the behaviour of devices",
    DetectionQuery,
    Detections,
  ),
  commands: get("/api/v1/commands", "Orders to devices, and what became of them", CommandQuery, Commands),
  previewCommand: post(
    "/api/v1/commands/preview",
    "What an order would do, and what speaks against it",
    NewCommand,
    CommandPreview,
  ),
  newCommand: post(
    "/api/v1/commands",
    "Orders devices to do something: signed, and sent when they are there",
    NewCommand,
    IssuedCommands,
  ),
  cancelCommand: post("/api/v1/commands/:id/cancel", "Takes back an order that no device has taken yet", None, None),
  requests: get("/api/v1/requests", "Files that people at devices ask to be allowed", RequestQuery, Requests),
  decideRequest: post(
    "/api/v1/requests/:id/decision",
    "Answers a request: approved, what holds these bytes back is undone and they may run until the hours are over",
    DecideRequest,
    DecidedRequest,
  ),
  policies: get("/api/v1/policies", "The fleet's policies, and whose word rules its gates", None, PolicyList),
  policy: get("/api/v1/policies/:id", "One policy by its number, with its rings", None, PolicyDetail),
  rehearsePolicy: post(
    "/api/v1/policies/rehearsal",
    "What a draft would have done to what really ran",
    DraftPolicy,
    Rehearsal,
  ),
  publishPolicy: post(
    "/api/v1/policies",
    "Publishes a policy that was rehearsed: signed, and sent to every device",
    PublishPolicy,
    PublishedNumber,
  ),
  turnOnRing: post("/api/v1/policies/rings", "Turns a ring on again that stepped back", TurnOnRing, None),
  audit: get("/api/v1/audit", "Who did what at this server, each entry bound to the one before", AuditQuery, Audit),
  auditChain: get(
    "/api/v1/audit/chain",
    "Whether every entry of the audit follows from the one before",
    None,
    AuditChain,
  ),
  executables: get(
    "/api/v1/executables",
    "Executable files, scripts and libraries",
    ExecutableQuery,
    page(ExecutableRow),
  ),
  executable: get("/api/v1/executables/:id", "One executable with its chain", None, ExecutableDetail),
  packages: get("/api/v1/packages", "Installed packages across the fleet", PackageQuery, page(PackageRow)),
  package: get("/api/v1/package", "One package version", z.object({ purl: text(2000) }), PackageDetail),
  search: get(
    "/api/v1/search",
    "Digest, device, package, path or what an incident tells, at most 20 hits",
    z.object({ q: text(400) }),
    z.object({ hits: z.array(SearchHit) }),
  ),
  newToken: post("/api/v1/enrolment-tokens", "A one-use enrolment token for the next device", None, EnrolmentToken),
} as const;

/**
 * Not in the table because their answers are not JSON:
 * `GET /api/v1/evidence/:sha256` the stored bytes as `text/plain` or `application/octet-stream`, never rendered;
 * `GET /api/v1/audit/export?from&to` the audit as lines of JSON below a signed head, for `provost audit verify`;
 * `GET /api/v1/live` server-sent `LiveEvent`s; `GET /api/v1/openapi.json`; `GET /sign-in?token=...` (one use) sets the
 * session cookie and redirects to `/`.
 */
export type Api = typeof api;
export type Answer<Name extends keyof Api> = z.infer<Api[Name]["answer"]>;
export type Query<Name extends keyof Api> = z.input<Api[Name]["query"]>;
