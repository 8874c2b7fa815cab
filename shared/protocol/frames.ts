import * as z from "zod";
import type { Instant } from "../model/ids.ts";
import { gateModes, tiers } from "../model/gate.ts";
import { policySources } from "../model/published-policy.ts";
import { ecosystemIds, fileKinds } from "../model/inventory.ts";
import { Purl, base64, count, digest, path, placeText, text } from "./fields.ts";
import { AlarmsFrame, DecisionsFrame, RequestFrame } from "./gate-frames.ts";
import { EventsFrame } from "./event-frames.ts";
import { limits } from "./limits.ts";
import { ReportFrame, TriageFrame } from "./response-frames.ts";

export { limits } from "./limits.ts";
export * from "./event-frames.ts";
export * from "./gate-frames.ts";
export * from "./response-frames.ts";
export * from "./server-messages.ts";

/**
 * What an agent and a server say to each other over one WebSocket (docs/protocol.md is written from this file).
 * Greetings are JSON text messages. After `welcome` both sides send binary messages: `batch.ts` packs them.
 */

// --- Greeting: the server proves its key first, so that a token is never shown to a stranger. ---

export const Hello = z.object({ kind: z.literal("hello"), nonce: base64(88), version: text(60) }).strict();
/** Asks whether a token would be taken, and uses none up. */
export const AskToken = z.object({ kind: z.literal("token"), token: text(200) }).strict();
export const Enrol = z
  .object({
    kind: z.literal("enrol"),
    token: text(200),
    deviceKey: base64(200),
    name: text(255),
    epoch: text(64),
    signature: base64(200),
  })
  .strict();
export const Resume = z
  .object({ kind: z.literal("resume"), device: text(60), epoch: text(64), signature: base64(200) })
  .strict();
export const FromAgent = z.discriminatedUnion("kind", [Hello, AskToken, Enrol, Resume]);

// --- Frames from the agent: spooled, numbered, acknowledged after the server's commit. ---

const time = count.transform((milliseconds) => milliseconds as Instant);
const Identity = z.object({ dev: count, ino: z.number().min(0), size: count, ctimeMs: z.number() });
const Pinned = z.object({ lockfile: path, integrity: text(300), archive: digest.optional(), purl: Purl.optional() });
const Record = z.object({
  path,
  purl: Purl,
  via: z.enum(["dpkg-list", "dpkg-md5sums", "pypi-record", "npm-folder", "npm-cache"]),
  role: z.enum(["file", "conffile", "generated"]),
  expected: z
    .object({
      algorithm: z.enum(["md5", "sha256", "sha384", "sha512", "sha1"]),
      hex: z
        .string()
        .max(128)
        .regex(/^[0-9a-f]+$/),
    })
    .optional(),
  pinnedBy: Pinned.optional(),
  parent: path.optional(),
  parentMatch: z.object({ agrees: z.enum(["yes", "no", "not-compared"]), why: text(1000) }).optional(),
  packagedAs: path.optional(),
  agrees: z.enum(["yes", "no", "not-compared"]),
  parentDigest: digest.optional(),
});
const File = z.object({
  path: placeText,
  root: placeText,
  kind: z.enum(fileKinds),
  identity: Identity,
  mode: count,
  uid: count,
  digest: digest.optional(),
  unreadable: text(1000).optional(),
  records: z.array(Record).max(16),
  seenAt: time,
});
const Package = z.object({
  purl: Purl,
  ecosystem: z.enum(ecosystemIds),
  name: text(400),
  version: text(400),
  arch: text(40).optional(),
  origin: text(400).optional(),
  location: path,
  root: path,
  source: z.object({ name: text(400), version: text(400) }).optional(),
  state: text(100).optional(),
  integrity: text(300).optional(),
});
const AptSource = z.object({
  uri: text(2000),
  suite: text(200),
  components: z.array(text(200)).max(50),
  architectures: z.array(text(40)).max(20),
  keyrings: z.array(z.object({ path, base64: base64(4_000_000) })).max(50),
  fingerprints: z.array(text(80)).max(50),
  from: path,
});
const Place = z.object({ root: placeText, path: placeText });
const Process = z.object({
  pid: count,
  parent: count,
  startedAt: count,
  /** Nanoseconds from the machine's start to this process's: with the pid it is what events and orders name the process by. */
  sinceBoot: z
    .string()
    .regex(/^\d{1,20}$/)
    .optional(),
  uid: count,
  user: text(100),
  command: text(4096),
  container: text(300).optional(),
  /** Indices into the frame's `files`; the first is the executable itself. */
  files: z.array(z.object({ at: count, note: text(200).optional() })).max(2000),
});
const ScanState = z.enum(["walking", "hashing", "done", "failed"]);
const Blind = z.object({ what: text(400), count, why: text(1000) });

export const DeviceFrame = z.object({
  kind: z.literal("device"),
  name: text(255),
  os: text(200),
  kernel: text(200),
  arch: text(40),
  mode: z.enum(gateModes),
  tier: z.enum(tiers),
  /** As the device's own configuration names them; a policy's rings are groups. */
  groups: z.array(text(100)).max(64).optional(),
  /** The policy that rules its gate: `issue` where it is the server's, as the server counts what it sends. */
  policy: z
    .object({ number: count, from: z.enum(policySources), issue: count.optional(), fault: text(1000).optional() })
    .optional(),
  facts: z.record(text(100), text(1000)),
});
export const ArchivesFrame = z.object({
  kind: z.literal("archives"),
  root: path,
  sources: z.array(AptSource).max(200),
});
export const PackagesFrame = z.object({
  kind: z.literal("packages"),
  upserts: z.array(Package).max(limits.packagesPerFrame),
  gone: z.array(z.object({ purl: Purl, location: path, root: path })).max(limits.packagesPerFrame),
});
export const FilesFrame = z.object({
  kind: z.literal("files"),
  upserts: z.array(File).max(limits.filesPerFrame),
  gone: z.array(Place).max(limits.filesPerFrame),
});
/** The whole of what runs now; it replaces the last one. */
export const RunningFrame = z.object({
  kind: z.literal("running"),
  at: count,
  files: z.array(Place).max(100_000),
  processes: z.array(Process).max(limits.processesPerFrame),
});
export const ScanFrame = z.object({
  kind: z.literal("scan"),
  state: ScanState,
  filesSeen: count,
  executables: count,
  hashed: count,
  toHash: count,
  bytesHashed: count,
  startedAt: count,
  endedAt: count.optional(),
  says: text(1000).optional(),
  blind: z.array(Blind).max(200),
  problems: z.array(z.object({ path, basis: z.enum(["unreadable", "unsupported"]), why: text(1000) })).max(200),
});
export const HealthFrame = z.object({
  kind: z.literal("health"),
  agentVersion: text(60),
  rssBytes: count,
  cpuShare: z.number().min(0),
  spooledFrames: count,
  spooledBytes: count,
  at: count,
});
/** Something generated that will never arrive. Generated = stored + declared lost. */
export const LostFrame = z.object({
  kind: z.literal("lost"),
  lane: z.enum(["state", "telemetry"]),
  count,
  why: text(400),
  at: count,
});

/** The device has stored these proofs and verdicts: the server need not send them again. */
export const HeldFrame = z.object({
  kind: z.literal("held"),
  proofs: z.array(z.object({ root: path, purl: Purl, version: count })).max(1000),
  attested: z
    .array(z.object({ subject: digest, version: count }))
    .max(1000)
    .optional(),
});

export const Frame = z.discriminatedUnion("kind", [
  DeviceFrame,
  ArchivesFrame,
  PackagesFrame,
  FilesFrame,
  RunningFrame,
  ScanFrame,
  HealthFrame,
  LostFrame,
  HeldFrame,
  DecisionsFrame,
  AlarmsFrame,
  RequestFrame,
  EventsFrame,
  ReportFrame,
  TriageFrame,
]);
export type Frame = z.infer<typeof Frame>;
export type RunningFrame = z.infer<typeof RunningFrame>;
export type ScanFrame = z.infer<typeof ScanFrame>;

/**
 * `frames[i]` has the sequence number `first + i`. Numbers belong to one epoch: one life of the agent's spool. `skipped`
 * numbers just before `first` were superseded telemetry: declared, so that any other gap is a loss and starts a resync.
 */
export const Batch = z
  .object({
    kind: z.literal("batch"),
    first: count.min(1).max(2 ** 52),
    skipped: count,
    frames: z.array(Frame).min(1).max(limits.framesPerBatch),
  })
  .strict();
export type Batch = z.infer<typeof Batch>;
