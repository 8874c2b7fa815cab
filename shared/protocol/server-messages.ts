import * as z from "zod";
import { bases, standings } from "../model/verdict.ts";
import { Purl, base64, count, digest, path, text } from "./fields.ts";

/** What a server says to an agent. Apart from frames.ts, so that the daemon holds only the schemas it reads with. */

export const Challenge = z
  .object({ kind: z.literal("challenge"), nonce: base64(88), serverKey: base64(200), signature: base64(200) })
  .strict();
export const Welcome = z
  .object({
    kind: z.literal("welcome"),
    device: text(60),
    acknowledged: count,
    windowBytes: count,
    signature: base64(200),
  })
  .strict();
export const Refused = z.object({ kind: z.literal("refused"), code: text(60), why: text(1000) }).strict();
export const FromServer = z.discriminatedUnion("kind", [Challenge, Welcome, Refused]);

// --- Messages from the server after `welcome`. ---

const ChainLink = z.object({
  link: z.enum(["source", "build", "signature", "log", "index", "archive", "package", "file", "device", "process"]),
  state: z.enum(["verified", "recorded", "missing", "failed"]),
  says: text(2000),
  facts: z.record(text(100), text(4000)).optional(),
  evidence: z
    .array(z.object({ sha256: digest, mediaType: text(200), title: text(400) }))
    .max(20)
    .optional(),
});
/** What the server established about one package version, cut to the files this device asked about. */
export const ProofMessage = z.object({
  kind: z.literal("proof"),
  version: count,
  root: path,
  purl: Purl,
  state: z.enum(["derived", "lapsed", "unsupported", "failed", "unreachable", "stale"]),
  says: text(2000),
  wanted: text(2000).optional(),
  links: z.array(ChainLink).max(40),
  /** The archive the files stand in: what documents say of it carries to them. */
  archive: digest.optional(),
  files: z.array(z.object({ path, sha256: digest })).max(200_000),
});
/**
 * What documents establish about one file or archive, by its SHA-256, with the documents themselves, so that the device can judge
 * again at another time or under another trust document. No verdict: nothing is known of it any more.
 */
export const AttestedMessage = z.object({
  kind: z.literal("attested"),
  version: count,
  subject: digest,
  judged: z
    .object({
      standing: z.enum(standings),
      basis: z.enum(bases),
      slsaLevel: count
        .min(1)
        .max(3)
        .transform((level) => level as 1 | 2 | 3)
        .optional(),
      says: text(2000),
      wanted: text(2000).optional(),
      chain: z.array(ChainLink).max(64),
      trustVersion: text(200),
      at: count,
    })
    .optional(),
  documents: z.array(z.object({ sha256: digest, name: text(400).optional(), base64: base64(2_000_000) })).max(16),
});
/** The owner's trust document as text, under its version: what `provost verify` uses and every verdict names. */
export const TrustMessage = z.object({ kind: z.literal("trust"), version: text(200), document: text(8_000_000) });
export const Acknowledge = z.object({ kind: z.literal("ack"), upTo: count, windowBytes: count });
/** The server lacks something the agent believes delivered: start a new epoch and tell everything again. */
export const Resync = z.object({ kind: z.literal("resync"), why: text(400) });
export const ServerMessage = z.discriminatedUnion("kind", [
  Acknowledge,
  ProofMessage,
  AttestedMessage,
  TrustMessage,
  Resync,
]);
export type ServerMessage = z.infer<typeof ServerMessage>;
export type ProofMessage = z.infer<typeof ProofMessage>;
export type AttestedMessage = z.infer<typeof AttestedMessage>;
export type TrustMessage = z.infer<typeof TrustMessage>;
