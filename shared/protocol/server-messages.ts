import * as z from "zod/mini";
import { bases, standings } from "../model/verdict.ts";
import { Purl, base64, count, digest, path, text } from "./small-fields.ts";

/**
 * What a server says to an agent. Apart from frames.ts, and in the schema library's small form, so that the daemon holds only the
 * schemas it reads with: 3 MB less than with the large form, on every device.
 */

const list = <T extends z.ZodMiniType>(item: T, max: number) => z.array(item).check(z.maxLength(max));

export const Challenge = z.strictObject({
  kind: z.literal("challenge"),
  nonce: base64(88),
  serverKey: base64(200),
  signature: base64(200),
});
export const Welcome = z.strictObject({
  kind: z.literal("welcome"),
  device: text(60),
  acknowledged: count,
  windowBytes: count,
  signature: base64(200),
});
export const Refused = z.strictObject({ kind: z.literal("refused"), code: text(60), why: text(1000) });
export const FromServer = z.discriminatedUnion("kind", [Challenge, Welcome, Refused]);
/** What is answered to `token`, which only whoever looks at the way to a server says. */
export const TokenGood = z.strictObject({ kind: z.literal("valid") });
export const TokenAnswer = z.discriminatedUnion("kind", [TokenGood, Refused]);

// --- Messages from the server after `welcome`. ---

const ChainLink = z.object({
  link: z.enum(["source", "build", "signature", "log", "index", "archive", "package", "file", "device", "process"]),
  state: z.enum(["verified", "recorded", "missing", "failed"]),
  says: text(2000),
  facts: z.optional(z.record(text(100), text(4000))),
  evidence: z.optional(list(z.object({ sha256: digest, mediaType: text(200), title: text(400) }), 20)),
});
/** What the server established about one package version, cut to the files this device asked about. */
export const ProofMessage = z.object({
  kind: z.literal("proof"),
  version: count,
  root: path,
  purl: Purl,
  state: z.enum(["derived", "lapsed", "unsupported", "failed", "unreachable", "stale"]),
  says: text(2000),
  wanted: z.optional(text(2000)),
  links: list(ChainLink, 40),
  /** The archive the files stand in: what documents say of it carries to them. */
  archive: z.optional(digest),
  files: list(z.object({ path, sha256: digest }), 200_000),
  /** Files it asked about that stand in no signed build of the package. What is in neither list was not asked about yet. */
  absent: z.optional(list(path, 200_000)),
});
/**
 * What documents establish about one file or archive, by its SHA-256, with the documents themselves, so that the device can judge
 * again at another time or under another trust document. No verdict: nothing is known of it any more.
 */
export const AttestedMessage = z.object({
  kind: z.literal("attested"),
  version: count,
  subject: digest,
  judged: z.optional(
    z.object({
      standing: z.enum(standings),
      basis: z.enum(bases),
      slsaLevel: z.optional(
        z.pipe(
          z.int().check(z.minimum(1), z.maximum(3)),
          z.transform((level: number) => level as 1 | 2 | 3),
        ),
      ),
      says: text(2000),
      wanted: z.optional(text(2000)),
      chain: list(ChainLink, 64),
      trustVersion: text(200),
      at: count,
    }),
  ),
  documents: list(z.object({ sha256: digest, name: z.optional(text(400)), base64: base64(2_000_000) }), 16),
});
/** The owner's trust document as text, under its version: what `provost verify` uses and every verdict names. */
export const TrustMessage = z.object({ kind: z.literal("trust"), version: text(200), document: text(8_000_000) });
/** An order: canonical JSON of a Command (shared/model/command.ts), and the signature over its context and bytes by the server's key. */
export const CommandMessage = z.object({ kind: z.literal("command"), body: text(200_000), signature: base64(200) });
/** The policy for every device: canonical JSON of a PublishedPolicy (shared/model/published-policy.ts), signed in its context by the server's key. */
export const PolicyMessage = z.object({ kind: z.literal("policy"), body: text(1_500_000), signature: base64(200) });
/** What became of a triage bundle: the server keeps bytes with that digest, or says why not. */
export const TriageMessage = z.object({
  kind: z.literal("triage"),
  command: text(60),
  sha256: digest,
  kept: z.boolean(),
  why: z.optional(text(400)),
});
export const Acknowledge = z.object({ kind: z.literal("ack"), upTo: count, windowBytes: count });
/** The server lacks something the agent believes delivered: start a new epoch and tell everything again. */
export const Resync = z.object({ kind: z.literal("resync"), why: text(400) });
export const ServerMessage = z.discriminatedUnion("kind", [
  Acknowledge,
  ProofMessage,
  AttestedMessage,
  TrustMessage,
  CommandMessage,
  PolicyMessage,
  TriageMessage,
  Resync,
]);
export type ServerMessage = z.infer<typeof ServerMessage>;
export type ProofMessage = z.infer<typeof ProofMessage>;
export type AttestedMessage = z.infer<typeof AttestedMessage>;
export type CommandMessage = z.infer<typeof CommandMessage>;
export type PolicyMessage = z.infer<typeof PolicyMessage>;
export type TriageMessage = z.infer<typeof TriageMessage>;
export type TrustMessage = z.infer<typeof TrustMessage>;
